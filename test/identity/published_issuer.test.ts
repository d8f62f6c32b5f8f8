import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { exportJWK, type JWK } from 'jose';
import { Authenticator } from '../../src/identity/authenticator.ts';
import { trustIssuer } from '../../src/identity/configured_issuer.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { AuthorityKey, AuthorityServer } from '../attestation/authority_fixture.ts';
import { campaign } from '../campaigns/campaign.ts';
import { refused } from '../fixtures/refused.ts';

const TENANT = '11111111-2222-3333-4444-555555555555';
const AUDIENCE = 'strongroom';
const MINUTE_MS = 60_000;

const servers: AuthorityServer[] = [];
test.after.always(() => Promise.all(servers.map((server) => server.close())));

const first = new AuthorityKey('first');
const second = new AuthorityKey('second');

interface Opened {
  readonly server: AuthorityServer;
  /** Has a token verified, as if it had never been seen. */
  ask(token: string): Promise<unknown>;
  /** Moves the clock that the age of keys goes by. */
  pass(milliseconds: number): void;
  token(key: AuthorityKey, header?: { kid?: string }): Promise<string>;
}

async function open(metadata = (server: AuthorityServer): URL => server.metadata): Promise<Opened> {
  const server = await AuthorityServer.open();
  servers.push(server);
  let passed = 0;
  const trusted = trustIssuer(
    {
      kind: 'openid',
      issuer: server.issuer,
      algorithms: ['RS256'],
      audiences: [AUDIENCE],
      keys: { kind: 'published', metadata: metadata(server), certificateAuthorities: server.certificateAuthority },
      claims: { subject: 'sub', groups: undefined, application: undefined, name: undefined, objectIds: 'derived' },
    },
    { resources: [], tenantId: TENANT },
    () => passed,
  );
  return {
    server,
    ask: async (token) => new Authenticator([trusted]).authenticate(token),
    pass: (milliseconds) => {
      passed += milliseconds;
    },
    token: (key, header) => key.sign({ iss: server.issuer, aud: AUDIENCE, sub: 'alice' }, header),
  };
}

/** Each fetch is one of the metadata and one of the keys. */
const fetches = ({ server }: Opened): number => server.asked.filter((path) => path === '/certs').length;

test('keys that change in the midst of traffic cost one more fetch, and no caller notices', async (t) => {
  const opened = await open();
  await opened.server.publish(first);
  const old = await opened.token(first);
  const fresh = await opened.token(second);
  await Promise.all(Array.from({ length: 50 }, () => opened.ask(old)));
  t.is(fetches(opened), 1);
  await opened.server.publish(first, second);
  opened.pass(LIMITS.authorityPauseMs);
  await Promise.all(Array.from({ length: 100 }, (_, index) => opened.ask(index % 2 === 0 ? old : fresh)));
  t.is(fetches(opened), 2);
});

campaign('unknown_signing_keys', async (t, run) => {
  const opened = await open();
  await opened.server.publish(first);
  const good = await opened.token(first);
  await opened.ask(good);
  for (let round = 0; run.done < run.count; round++) {
    const tokens = await Promise.all(
      Array.from({ length: 100 }, (_, index) => opened.token(second, { kid: `made up ${round} ${index}` })),
    );
    await Promise.all(tokens.map((token) => refused(t, opened.ask(token), 'Unauthorized')));
    opened.pass(1_000);
    run.done += tokens.length;
  }
  const passedMs = run.done * 10;
  t.true(fetches(opened) <= 1 + Math.ceil(passedMs / LIMITS.authorityPauseMs), String(fetches(opened)));
  await t.notThrowsAsync(opened.ask(good));
});

test('an issuer that is down for a day is believed by its last keys, and then no more until it is back', async (t) => {
  const opened = await open();
  await opened.server.publish(first);
  const good = await opened.token(first);
  await opened.ask(good);
  opened.server.answers.clear();
  for (let hour = 0; hour < 24; hour++) {
    await t.notThrowsAsync(opened.ask(good), `after ${hour} hours`);
    opened.pass(60 * MINUTE_MS);
  }
  opened.pass(MINUTE_MS);
  const error = await refused(t, opened.ask(good), 'ServiceUnavailable');
  t.is(error.message, 'The keys of the issuer of the access token cannot be had now.');
  await opened.server.publish(first);
  opened.pass(LIMITS.authorityPauseMs);
  await t.notThrowsAsync(opened.ask(good));
});

test('an issuer that was never reached is asked once in half a minute, however many ask', async (t) => {
  const opened = await open();
  const good = await opened.token(first);
  for (let request = 0; request < 50; request++) await refused(t, opened.ask(good), 'ServiceUnavailable');
  t.is(opened.server.asked.length, 1);
});

const HTML = '<!doctype html><html><head><title>Sign in</title></head><body>{"keys":[]}</body></html>';
const REDIRECT = { status: 302, headers: { location: '/elsewhere' }, body: '' };
const USELESS: readonly [what: string, spoil: (server: AuthorityServer) => void][] = [
  ['10 MB of keys', ({ answers }) => answers.set('/certs', { body: `{"keys":[{"x":"${'x'.repeat(10_000_000)}"}]}` })],
  ['a page in HTML for keys', ({ answers }) => answers.set('/certs', { body: HTML })],
  ['a page in HTML for metadata', (server) => server.answers.set(server.metadata.pathname, { body: HTML })],
  ['a redirect to keys', ({ answers }) => answers.set('/certs', REDIRECT)],
  [
    'a permanent redirect to metadata',
    (server) => server.answers.set(server.metadata.pathname, { ...REDIRECT, status: 308 }),
  ],
  ['keys that come a byte at a time', ({ answers }) => answers.set('/certs', 'drip')],
  ['an empty answer', ({ answers }) => answers.set('/certs', { body: '' })],
  ['a bare list of keys', ({ answers }) => answers.set('/certs', { body: '[]' })],
  [
    'an error with keys in it',
    ({ answers }) => answers.set('/certs', { status: 503, body: '{"keys":[{"kty":"RSA"}]}' }),
  ],
];

for (const [what, spoil] of USELESS) {
  test(`${what} is no reason to believe anybody`, async (t) => {
    const opened = await open();
    await opened.server.publish(first);
    opened.server.answers.set('/elsewhere', opened.server.answers.get('/certs') ?? 'hang');
    spoil(opened.server);
    await refused(t, opened.ask(await opened.token(first)), 'ServiceUnavailable');
    t.false(opened.server.asked.includes('/elsewhere'));
  });
}

test('a server whose certificate is for another name is not asked', async (t) => {
  const opened = await open((server) => new URL(server.metadata.href.replace('localhost', '127.0.0.1')));
  await opened.server.publish(first);
  await refused(t, opened.ask(await opened.token(first)), 'ServiceUnavailable');
  t.deepEqual(opened.server.asked, []);
});

const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
const jwk = await first.jwk();
const UNUSABLE: readonly [what: string, keys: readonly JWK[]][] = [
  ['for encryption', [{ ...jwk, use: 'enc' }]],
  ['for operations without verify', [{ ...jwk, key_ops: ['encrypt'] }]],
  ['for another algorithm', [{ ...jwk, alg: 'RS512' }]],
  ['with its private half', [{ ...(await exportJWK(first.privateKey)), kid: 'first' }]],
  ['twice under one name', [jwk, { ...jwk, n: `${jwk.n}`.replace(/^./, 'x') }]],
  ['of 1024 bits', [{ ...(await exportJWK(weak.publicKey)), kid: 'first' }]],
  ['of another kind', [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'first' }]],
  ['of a symmetric kind', [{ kty: 'oct', k: 'AAAA', kid: 'first', alg: 'RS256' }]],
  ['without a modulus', [{ kty: 'RSA', e: 'AQAB', kid: 'first' }]],
  ['with another name', [{ ...jwk, kid: 'second' }]],
];

for (const [what, keys] of UNUSABLE) {
  test(`a published key ${what} verifies nothing`, async (t) => {
    const opened = await open();
    await opened.server.publish(first);
    opened.server.answers.set('/certs', { body: JSON.stringify({ keys }) });
    await refused(t, opened.ask(await opened.token(first)), 'Unauthorized');
  });
}

test('one key among a thousand is found', async (t) => {
  const opened = await open();
  await opened.server.publish(first);
  const others = Array.from({ length: 999 }, (_, index) => ({
    kty: 'EC',
    crv: 'P-256',
    x: 'AA',
    y: 'AA',
    kid: `k${index}`,
  }));
  opened.server.answers.set('/certs', { body: JSON.stringify({ keys: [...others, jwk] }) });
  await t.notThrowsAsync(opened.ask(await opened.token(first)));
});
