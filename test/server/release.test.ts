import test from 'ava';
import type { ReleaseKeyRequest } from '../../src/engine/requests.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { VERSION } from './fake_engine.ts';
import { POOL_HOST, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const QUERY = '?api-version=2026-04-01';
const kid = () => `https://${POOL_HOST}:${server.port}/keys/k1/${VERSION}`;
const encoded = (text: string) => Buffer.from(text).toString('base64url');

test.serial('release hands over what the authority says, never the token itself', async (t) => {
  const { status, json } = await server.post(`/keys/k1/${VERSION}/release${QUERY}`, {
    target: 'a.b.c',
    nonce: 'n1',
    enc: 'rsa_aes_key_wrap_256',
  });
  t.is(status, 200);
  t.deepEqual(json, { value: `released ${kid()}` });
  t.deepEqual(server.attestations.tokens, ['a.b.c']);
  const { keyIdentifier: _keyIdentifier, ...request } = server.engine.lastRequest as ReleaseKeyRequest;
  t.deepEqual(request, {
    key: { name: 'k1', version: VERSION },
    attestation: { authority: 'https://attestation.example', claims: { token: 'a.b.c' } },
    encryption: 'RSA_AES_KEY_WRAP_256',
    nonce: 'n1',
    apiVersion: '2026-04-01',
  });
});

test.serial('release without enc wraps as CKM_RSA_AES_KEY_WRAP does', async (t) => {
  await server.post(`/keys/k1//release${QUERY}`, { target: 'a.b.c' });
  t.like(server.engine.lastRequest, { key: { name: 'k1' }, encryption: 'CKM_RSA_AES_KEY_WRAP', nonce: undefined });
});

test.serial('a token that nobody vouches for releases and unwraps nothing', async (t) => {
  const before = server.engine.requests.length;
  for (const [word, body] of [
    ['release', { target: 'a.b.c' }],
    ['secureunwrapkey', { alg: 'A256KW', value: 'AQID', target: 'a.b.c' }],
  ] as const) {
    server.attestations.failure = new StrongroomError('Forbidden', 'The attestation is not one of a known authority.');
    const { status, json } = await server.post(`/keys/k1/${word}${QUERY}`, body);
    t.is(status, 403);
    t.is(json.error?.code, 'Forbidden');
  }
  t.is(server.engine.requests.length, before);
});

test.serial('secure wrap answers with the algorithm by its name', async (t) => {
  const { status, json } = await server.post(`/keys/k1/securewrapkey${QUERY}`, { alg: 'a256kwpad' });
  t.is(status, 200);
  t.deepEqual(server.engine.lastRequest, { key: { name: 'k1', version: undefined }, algorithm: 'A256KWPAD' });
  t.deepEqual(json, { kid: kid(), alg: 'A256KWPAD', value: 'AQID' });
});

test.serial('secure unwrap hands over the value and what the authority says', async (t) => {
  const { json } = await server.post(`/keys/k1/secureunwrapkey${QUERY}`, {
    alg: 'RSA-OAEP-256',
    value: 'AQID',
    target: 'a.b.c',
  });
  t.like(server.engine.lastRequest, {
    algorithm: 'RSA-OAEP-256',
    attestation: { authority: 'https://attestation.example', claims: { token: 'a.b.c' } },
  });
  t.deepEqual(json, { kid: kid(), alg: 'RSA-OAEP-256', value: 'AwIB' });
});

const blob = (header: object = {}, members: object = {}) =>
  encoded(
    JSON.stringify({
      schema_version: '1.0.0',
      header: {
        kid: `https://${POOL_HOST}:${server.port}/keys/kek/${VERSION}`,
        alg: 'dir',
        enc: 'CKM_RSA_AES_KEY_WRAP',
        ...header,
      },
      ciphertext: 'AQID',
      generator: 'a tool',
      ...members,
    }),
  );
const importWrapped = (key: object, rest: object = {}) => server.send('PUT', `/keys/k1${QUERY}`, { key, ...rest });

test.serial('a transfer blob is imported by the key of the pool that it names', async (t) => {
  const { status } = await importWrapped(
    { kty: 'EC-HSM', crv: 'P-384', key_ops: ['sign'], key_hsm: blob() },
    { attributes: { enabled: false }, tags: { a: 'b' } },
  );
  t.is(status, 200);
  t.is(server.engine.requests.at(-1)?.operation, 'importWrappedKey');
  t.deepEqual(server.engine.lastRequest, {
    name: 'k1',
    spec: { keyType: 'EC-HSM', curve: 'P-384' },
    exchangeKey: { name: 'kek', version: VERSION },
    wrappedKey: Buffer.of(1, 2, 3),
    operations: ['sign'],
    enabled: false,
    notBefore: undefined,
    expires: undefined,
    tags: { a: 'b' },
    releasePolicy: undefined,
  });
});

test.serial('a transfer blob may name the pool by any of its names', async (t) => {
  const { status } = await importWrapped({ kty: 'RSA-HSM', key_hsm: blob({ kid: `https://localhost:1/keys/kek` }) });
  t.is(status, 200);
  t.like(server.engine.lastRequest, { spec: { keyType: 'RSA-HSM' }, exchangeKey: { name: 'kek', version: undefined } });
});

const BLOBS: readonly [what: string, key: () => object, parameter: RegExp][] = [
  ['of another pool', () => ({ key_hsm: blob({ kid: `https://other.example/keys/kek/${VERSION}` }) }), /header\.kid/],
  [
    'without a key identifier',
    () => ({ key_hsm: blob({ kid: undefined }) }),
    /key\.key_hsm\.header\.kid, received nothing/,
  ],
  ['with a key identifier that is none', () => ({ key_hsm: blob({ kid: 'kek' }) }), /key\.key_hsm\.header\.kid/],
  ['of another alg', () => ({ key_hsm: blob({ alg: 'RSA-OAEP' }) }), /Expected dir for key\.key_hsm\.header\.alg/],
  [
    'of another enc',
    () => ({ key_hsm: blob({ enc: 'A256GCM' }) }),
    /CKM_RSA_AES_KEY_WRAP for key\.key_hsm\.header\.enc/,
  ],
  [
    'of another schema',
    () => ({ key_hsm: blob({}, { schema_version: '2.0' }) }),
    /1\.0\.0 for key\.key_hsm\.schema_version/,
  ],
  ['without a ciphertext', () => ({ key_hsm: blob({}, { ciphertext: undefined }) }), /key\.key_hsm\.ciphertext/],
  ['with a broken ciphertext', () => ({ key_hsm: blob({}, { ciphertext: '*' }) }), /key\.key_hsm\.ciphertext/],
  ['that is no JSON', () => ({ key_hsm: encoded('byok') }), /Expected JSON for key\.key_hsm/],
  ['that is a list', () => ({ key_hsm: encoded('[]') }), /Expected a JSON object for key\.key_hsm, received/],
  ['that is empty', () => ({ key_hsm: '' }), /Expected a JSON object for key\.key_hsm, received nothing/],
  ['that is no base64url', () => ({ key_hsm: '{}' }), /base64url .* for key\.key_hsm/],
  ['with a member twice', () => ({ key_hsm: encoded('{"header":1,"header":2}') }), /stands twice/],
  ['beside the key in the clear', () => ({ key_hsm: blob(), k: 'AQID' }), /nothing beside key\.key_hsm for key\.k/],
];

for (const [what, key, message] of BLOBS) {
  test.serial(`a transfer blob ${what} is refused`, async (t) => {
    const before = server.engine.requests.length;
    const { status, json } = await importWrapped({ kty: 'RSA-HSM', ...key() });
    t.is(status, 400);
    t.is(json.error?.code, 'BadParameter');
    t.regex(json.error?.message ?? '', message);
    t.is(server.engine.requests.length, before);
  });
}

test.serial('an EC transfer blob needs its curve', async (t) => {
  const { status, json } = await importWrapped({ kty: 'EC-HSM', key_hsm: blob() });
  t.is(status, 400);
  t.regex(json.error?.message ?? '', /for key\.crv/);
});
