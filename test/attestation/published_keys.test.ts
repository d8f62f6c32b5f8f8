import test from 'ava';
import { AttestationAuthorities } from '../../src/attestation/attestation_authorities.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { refused } from '../fixtures/refused.ts';
import { AuthorityKey, AuthorityServer } from './authority_fixture.ts';

const servers: AuthorityServer[] = [];
test.after.always(() => Promise.all(servers.map((server) => server.close())));

const first = new AuthorityKey('first');
const second = new AuthorityKey('second');

interface Opened {
  readonly server: AuthorityServer;
  readonly authorities: AttestationAuthorities;
  /** Moves the clock that the authorities go by. */
  pass(milliseconds: number): void;
  /** A token that is good at the time of that clock. */
  token(key: AuthorityKey): Promise<string>;
}

async function open(trusted = true): Promise<Opened> {
  const server = await AuthorityServer.open();
  servers.push(server);
  let passed = 0;
  const clock = (): number => Date.now() + passed;
  const certificateAuthorities = trusted ? server.certificateAuthority : undefined;
  const authorities = new AttestationAuthorities(
    [
      {
        issuer: server.issuer,
        algorithms: ['RS256'],
        keys: { kind: 'published', metadata: server.metadata, certificateAuthorities },
      },
    ],
    clock,
  );
  return {
    server,
    authorities,
    pass: (milliseconds) => {
      passed += milliseconds;
    },
    token: (key) => key.sign({ iss: server.issuer, exp: Math.floor(clock() / 1000) + 3600 }),
  };
}

test('keys come by way of the metadata, once for many tokens', async (t) => {
  const { server, authorities, token } = await open();
  await server.publish(first);
  const tokens = await Promise.all(Array.from({ length: 8 }, () => token(first)));
  const attestations = await Promise.all(tokens.map((each) => authorities.verify(each)));
  t.true(attestations.every(({ authority }) => authority === server.issuer));
  t.deepEqual(server.asked, ['/.well-known/openid-configuration', '/certs']);
});

test('a new key of the authority is found once the pause is over, and made-up key names ask for nothing', async (t) => {
  const { server, authorities, pass, token } = await open();
  await server.publish(first);
  await authorities.verify(await token(first));
  await server.publish(first, second);
  await refused(t, authorities.verify(await token(second)), 'Forbidden');
  t.is(server.asked.length, 2, 'the pause is not over');
  pass(LIMITS.authorityPauseMs + 1);
  t.is((await authorities.verify(await token(second))).authority, server.issuer);
  t.is(server.asked.length, 4);
  for (let made = 0; made < 5; made++) {
    await refused(t, authorities.verify(await token(new AuthorityKey(`made up ${made}`))), 'Forbidden');
  }
  t.is(server.asked.length, 4);
});

test('a key that the authority has taken back is not believed once the keys are old', async (t) => {
  const { server, authorities, pass, token } = await open();
  await server.publish(first);
  await authorities.verify(await token(first));
  await server.publish(second);
  pass(LIMITS.authorityKeysAgeMs + 1);
  await refused(t, authorities.verify(await token(first)), 'Forbidden');
  t.is((await authorities.verify(await token(second))).authority, server.issuer);
});

test('keys stay in use for a while when the authority cannot be reached, and then no more', async (t) => {
  const { server, authorities, pass, token } = await open();
  await server.publish(first);
  await authorities.verify(await token(first));
  server.answers.clear();
  pass(LIMITS.authorityKeysAgeMs + 1);
  t.is((await authorities.verify(await token(first))).authority, server.issuer);
  t.is(server.asked.length, 3);
  pass(LIMITS.authorityKeysMostMs);
  await refused(t, authorities.verify(await token(first)), 'ServiceUnavailable');
  await server.publish(first);
  pass(LIMITS.authorityPauseMs + 1);
  t.is((await authorities.verify(await token(first))).authority, server.issuer);
});

test('an authority whose certificate nobody vouches for is not asked for keys', async (t) => {
  const { server, authorities, token } = await open(false);
  await server.publish(first);
  await refused(t, authorities.verify(await token(first)), 'ServiceUnavailable');
  t.deepEqual(server.asked, []);
});

const JWKS = (opened: Opened): string => `${opened.server.issuer}/certs`;

const ANSWERS: readonly [what: string, spoil: (opened: Opened) => void][] = [
  [
    'metadata for another issuer',
    ({ server }) => server.publishMetadata({ issuer: 'https://other.example', jwks_uri: `${server.issuer}/certs` }),
  ],
  ['metadata without an issuer', (opened) => opened.server.publishMetadata({ jwks_uri: JWKS(opened) })],
  ['metadata without keys', ({ server }) => server.publishMetadata({ issuer: server.issuer })],
  [
    'keys over http',
    (opened) =>
      opened.server.publishMetadata({ issuer: opened.server.issuer, jwks_uri: JWKS(opened).replace('https', 'http') }),
  ],
  ['keys in a file', ({ server }) => server.publishMetadata({ issuer: server.issuer, jwks_uri: 'file:///etc/passwd' })],
  ['metadata that is no JSON', ({ server }) => server.answers.set(server.metadata.pathname, { body: 'hello' })],
  ['metadata that is null', ({ server }) => server.answers.set(server.metadata.pathname, { body: 'null' })],
  [
    'a redirect',
    ({ server }) =>
      server.answers.set(server.metadata.pathname, { status: 302, headers: { location: '/elsewhere' }, body: '' }),
  ],
  ['a failure', ({ server }) => server.answers.set('/certs', { status: 500, body: '{"keys":[]}' })],
  ['no keys at all', ({ server }) => server.answers.set('/certs', { body: '{"keys":[]}' })],
  ['keys that are no list', ({ server }) => server.answers.set('/certs', { body: '{"keys":"first"}' })],
  [
    'endless keys',
    ({ server }) => server.answers.set('/certs', { body: ' '.repeat(LIMITS.authorityDocumentBytes + 1) }),
  ],
];

for (const [what, spoil] of ANSWERS) {
  test(`nothing is believed on the strength of ${what}`, async (t) => {
    const opened = await open();
    await opened.server.publish(first);
    spoil(opened);
    const error = await refused(t, opened.authorities.verify(await opened.token(first)), 'ServiceUnavailable');
    t.is(error.message, 'The keys of the attestation authority cannot be had now.');
    t.false(opened.server.asked.includes('/elsewhere'));
  });
}

test('an authority that does not answer is given up', async (t) => {
  const { server, authorities, token } = await open();
  server.answers.set(server.metadata.pathname, 'hang');
  const started = performance.now();
  await refused(t, authorities.verify(await token(first)), 'ServiceUnavailable');
  t.true(performance.now() - started < LIMITS.authorityTimeoutMs * 3);
});

test('a key set with something else among its keys still serves with those that are keys', async (t) => {
  const { server, authorities, token } = await open();
  await server.publish(first);
  const keys = [{ kty: 'unheard of', kid: 'other' }, await first.jwk()];
  server.answers.set('/certs', { body: JSON.stringify({ keys }) });
  t.is((await authorities.verify(await token(first))).authority, server.issuer);
});
