import test from 'ava';
import fc from 'fast-check';
import { StrongroomError } from '../../src/model/errors.ts';
import {
  buildKeyIdentifier,
  parseKeyIdentifier,
  requireKeyName,
  requireKeyVersion,
} from '../../src/model/key_identifier.ts';

const VERSION = '0123456789abcdef0123456789abcdef';
const REFUSED = { instanceOf: StrongroomError, code: 'BadParameter' } as const;

test('a name is 1 to 127 letters, digits and hyphens', (t) => {
  for (const name of ['a', 'A-9', '-', '0'.repeat(127), '--proto--']) t.is(requireKeyName(name), name);
  const bad = [
    '',
    '0'.repeat(128),
    'a_b',
    'a.b',
    '..',
    'a/b',
    'a b',
    'ä',
    'ａ',
    'a\n',
    'a\0',
    '%61',
    undefined,
    null,
    7,
    ['a'],
  ];
  for (const name of bad) t.throws(() => requireKeyName(name), REFUSED, String(name));
});

test('a version is 32 lower-case hexadecimal digits', (t) => {
  t.is(requireKeyVersion(VERSION), VERSION);
  const bad = [
    '',
    VERSION.slice(1),
    `${VERSION}0`,
    VERSION.toUpperCase(),
    `${VERSION}\n`,
    'g'.repeat(32),
    undefined,
    32,
  ];
  for (const version of bad) t.throws(() => requireKeyVersion(version), REFUSED, String(version));
});

test('a complaint names the parameter and what was expected of it', (t) => {
  const error = t.throws(() => requireKeyName('a_b'), REFUSED);
  t.is(error?.message, 'Expected a key name of 1 to 127 letters, digits and hyphens for key-name, received "a_b".');
  t.regex(t.throws(() => requireKeyVersion(7, 'version'))?.message ?? '', /for version, received 7\.$/);
});

test('an identifier is built with and without a version', (t) => {
  t.is(buildKeyIdentifier('demo.example:8443', 'k1', VERSION), `https://demo.example:8443/keys/k1/${VERSION}`);
  t.is(buildKeyIdentifier('demo.example', 'k1'), 'https://demo.example/keys/k1');
});

test('an identifier is taken apart', (t) => {
  t.deepEqual(parseKeyIdentifier(`https://Demo.Example:8443/keys/k1/${VERSION}`), {
    authority: 'demo.example:8443',
    name: 'k1',
    version: VERSION,
  });
  t.deepEqual(parseKeyIdentifier('https://[::1]:8443/keys/K'), {
    authority: '[::1]:8443',
    name: 'K',
    version: undefined,
  });
});

test('what was built reads back', (t) => {
  const name = fc.stringMatching(/^[0-9a-zA-Z-]{1,127}$/);
  const version = fc.option(fc.stringMatching(/^[0-9a-f]{32}$/), { nil: undefined });
  const authority = fc.constantFrom('localhost', 'a.b', 'demo.managedhsm.localhost:8443', '127.0.0.1:1', '[::1]:8443');
  t.notThrows(() =>
    fc.assert(
      fc.property(authority, name, version, (where, which, exactly) => {
        const read = parseKeyIdentifier(buildKeyIdentifier(where, which, exactly));
        return read.authority === where && read.name === which && read.version === exactly;
      }),
    ),
  );
});

test('anything else is no identifier', (t) => {
  const bad = [
    '',
    'k1',
    `http://demo.example/keys/k1/${VERSION}`,
    `https://demo.example/secrets/k1/${VERSION}`,
    `https://demo.example/KEYS/k1/${VERSION}`,
    `https://demo.example/keys/k1/${VERSION}/`,
    `https://demo.example/keys/k1/${VERSION}/more`,
    `https://demo.example/keys/k1/${VERSION}?x=1`,
    `https://demo.example/keys/k1/${VERSION}#x`,
    `https://user@demo.example/keys/k1/${VERSION}`,
    `https://demo.example:port/keys/k1/${VERSION}`,
    `https:///keys/k1/${VERSION}`,
    'https://demo.example/keys/',
    'https://demo.example/keys/k1/',
    'https://demo.example/keys/k_1',
    'https://demo.example/keys/../x',
    `https://demo.example/keys/k1/${VERSION.toUpperCase()}`,
    ` https://demo.example/keys/k1`,
    'https://demo.example/keys/k1\n',
    undefined,
    {},
  ];
  for (const identifier of bad) t.throws(() => parseKeyIdentifier(identifier), REFUSED, String(identifier));
});
