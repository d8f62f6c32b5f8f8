import test from 'ava';
import fc from 'fast-check';
import { decodeBase64url, encodeBase64url } from '../../src/server/wire/base64url.ts';
import { parseJson } from '../../src/server/wire/json_text.ts';

const bytes = (text: string) => Buffer.from(text, 'utf8');

test('JSON without double members comes out as JSON.parse has it', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.json({ maxDepth: 8 }), (text) => {
        t.deepEqual(parseJson(bytes(text)), JSON.parse(text));
      }),
      { numRuns: 2_000 },
    ),
  );
});

test('a double member is found wherever it stands and however it is escaped', (t) => {
  const escaped = (name: string) =>
    [...name].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
  t.notThrows(() =>
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary-ascii' }),
        fc.json({ maxDepth: 2 }),
        fc.boolean(),
        (name, value, isEscaped) => {
          const second = isEscaped ? escaped(name) : JSON.stringify(name).slice(1, -1);
          const twice = `{"outer":[{${JSON.stringify(name)}:${value},"${second}":${value}}]}`;
          t.throws(() => parseJson(bytes(twice)), { message: /stands twice/ });
        },
      ),
      { numRuns: 1_000 },
    ),
  );
});

test('strings that end in backslashes and quotes do not lead the scanner astray', (t) => {
  for (const text of [
    '{"a\\\\":1,"b":":"}',
    '{"a\\"":":","a\\\\":"\\\\\\""}',
    '["\\\\",{"a":"\\\\\\\\"}]',
    '{"":"{[:"}',
  ]) {
    t.deepEqual(parseJson(bytes(text)), JSON.parse(text));
  }
  t.throws(() => parseJson(bytes('{"a":"\\')), { code: 'BadParameter' });
});

test('a long run of backslashes takes no longer than its length', (t) => {
  const began = performance.now();
  t.deepEqual(parseJson(bytes(`{"a":"${'\\\\'.repeat(120_000)}"}`)), { a: '\\'.repeat(120_000) });
  t.throws(() => parseJson(bytes(`"${'\\"'.repeat(120_000)}`)), { code: 'BadParameter' });
  t.true(performance.now() - began < 1_000);
});

test('__proto__ is a member like any other and changes no prototype', (t) => {
  const value = parseJson(bytes('{"__proto__":{"alg":"ES256"}}')) as Record<string, unknown>;
  t.is(Object.getPrototypeOf(value), Object.prototype);
  t.is(value.alg, undefined);
});

test('base64url comes back as it went in', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (value) => {
        const text = encodeBase64url(value);
        t.deepEqual(Uint8Array.from(decodeBase64url('value', text)), value);
        const padded = text.padEnd(Math.ceil(text.length / 4) * 4, '=');
        t.deepEqual(Uint8Array.from(decodeBase64url('value', padded)), value);
      }),
    ),
  );
});

test('only one text stands for the same bytes, padding aside', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        let decoded: Uint8Array;
        try {
          decoded = decodeBase64url('value', text);
        } catch {
          return;
        }
        t.is(encodeBase64url(decoded), text.replace(/=+$/, ''));
      }),
      { numRuns: 5_000 },
    ),
  );
});

test('a view into a larger buffer is encoded alone', (t) => {
  t.is(encodeBase64url(new Uint8Array([9, 1, 2, 3, 9]).subarray(1, 4)), 'AQID');
});
