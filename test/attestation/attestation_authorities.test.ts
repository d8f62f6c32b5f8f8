import { createHmac } from 'node:crypto';
import test from 'ava';
import { AttestationAuthorities } from '../../src/attestation/attestation_authorities.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { refused } from '../fixtures/refused.ts';
import { AuthorityKey } from './authority_fixture.ts';

const ISSUER = 'https://authority.example';
const OTHER = 'https://other.example/';
const key = new AuthorityKey('first');
const otherKey = new AuthorityKey('first');

const authorities = new AttestationAuthorities([
  { issuer: ISSUER, algorithms: ['RS256'], keys: { kind: 'pinned', keySet: { keys: [await key.jwk()] } } },
  { issuer: OTHER, algorithms: ['PS256'], keys: { kind: 'pinned', keySet: { keys: [await otherKey.jwk()] } } },
]);

const now = (): number => Math.floor(Date.now() / 1000);
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token of a trusted authority gives its issuer and all that it says', async (t) => {
  const runtime = { keys: [{ kty: 'RSA' }] };
  const token = await key.sign({ iss: ISSUER, 'x-ms-attestation-type': 'sevsnpvm', 'x-ms-runtime': runtime });
  const { authority, claims } = await authorities.verify(token);
  t.is(authority, ISSUER);
  t.is(claims['x-ms-attestation-type'], 'sevsnpvm');
  t.deepEqual(claims['x-ms-runtime'], runtime);
});

test('an issuer is the same with and without a slash at its end, and named as it is configured', async (t) => {
  t.is((await authorities.verify(await key.sign({ iss: `${ISSUER}/` }))).authority, ISSUER);
  const token = await otherKey.sign({ iss: 'https://other.example' }, { alg: 'PS256' });
  t.is((await authorities.verify(token)).authority, OTHER);
});

test('tokens that are not believed', async (t) => {
  const good = await key.sign({ iss: ISSUER });
  const [header = '', payload = '', signature = ''] = good.split('.');
  const changed = encode({ iss: ISSUER, exp: now() + 3600, 'x-ms-attestation-type': 'sevsnpvm' });
  const hmacHeader = encode({ alg: 'HS256', kid: 'first' });
  const pem = key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
  const hmac = createHmac('sha256', pem).update(`${hmacHeader}.${payload}`).digest('base64url');
  const none = encode({ alg: 'none' });
  const tokens: Readonly<Record<string, string | Promise<string>>> = {
    'of an issuer that nobody trusts': key.sign({ iss: 'https://stranger.example' }),
    'without an issuer': key.sign({}),
    'with an issuer that is no text': key.sign({ iss: 7 as unknown as string }),
    'of an issuer that only begins alike': key.sign({ iss: `${ISSUER}.stranger.example` }),
    'by the key of another authority': otherKey.sign({ iss: ISSUER }),
    'by a key that the authority does not have': new AuthorityKey('second').sign({ iss: ISSUER }),
    'with an algorithm that is not the authority’s': key.sign({ iss: ISSUER }, { alg: 'RS512' }),
    'with an algorithm of another authority': otherKey.sign({ iss: OTHER }),
    'that has expired': key.sign({ iss: ISSUER, exp: now() - 3600 }),
    'that is not valid yet': key.sign({ iss: ISSUER, nbf: now() + 3600 }),
    'that never expires': key.sign({ iss: ISSUER, exp: undefined }),
    'with another payload': `${header}.${changed}.${signature}`,
    'without its signature': `${header}.${payload}.`,
    'with alg none': `${none}.${payload}.`,
    'with the public key as a secret': `${hmacHeader}.${payload}.${hmac}`,
    'with a critical header': key
      .sign({ iss: ISSUER }, { crit: ['x'], x: 1 })
      .catch(() => `${encode({ alg: 'RS256', crit: ['x'], x: 1 })}.${payload}.${signature}`),
  };
  for (const [what, token] of Object.entries(tokens)) {
    const error = await refused(t, authorities.verify(await token), 'Forbidden', 'AttestationNotAccepted', what);
    t.is(error.message, 'The attestation token is not accepted.', what);
  }
});

test('keys that a token brings along are never looked at', async (t) => {
  const stranger = new AuthorityKey('first');
  const jwk = await stranger.jwk();
  const headers = [{ jwk }, { jku: 'https://stranger.example/keys' }, { x5u: 'https://stranger.example/certificate' }];
  for (const header of headers) {
    await refused(t, authorities.verify(await stranger.sign({ iss: ISSUER }, header)), 'Forbidden');
    t.is((await authorities.verify(await key.sign({ iss: ISSUER }, header))).authority, ISSUER);
  }
});

test('a clock that differs by less than the allowed skew does not matter', async (t) => {
  const skew = LIMITS.clockSkewSeconds - 10;
  t.truthy(await authorities.verify(await key.sign({ iss: ISSUER, exp: now() - skew })));
  t.truthy(await authorities.verify(await key.sign({ iss: ISSUER, nbf: now() + skew })));
});

test('what is no token is the caller’s mistake, and is not quoted', async (t) => {
  const long = `${await key.sign({ iss: ISSUER })}${'a'.repeat(LIMITS.attestationTokenCharacters)}`;
  for (const token of ['', 'secret', 'se.cr.et', 'se..cret', `${encode({})}.${encode([])}.x`, long, undefined, 7, {}]) {
    const error = await refused(t, authorities.verify(token), 'BadParameter');
    t.notRegex(error.message, /se.?cr.?et|ey/);
  }
});

test('without authorities nobody is believed', async (t) => {
  const nobody = await AttestationAuthorities.open(undefined);
  await refused(t, nobody.verify(await key.sign({ iss: ISSUER })), 'Forbidden', 'AttestationNotAccepted');
});
