import { execFile } from 'node:child_process';
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { AttestedEnvironment, AUTHORITY, openStatement, policyFor } from '../engine/attested_environment.ts';
import { PROGRAM, RunningServer } from './running_server.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-crossing-'));
const file = (name: string, content: unknown): string => {
  const path = join(directory, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
};

/** The authority that the server believes, and an environment that it speaks for. */
const authority = await generateKeyPair('RS256');
const environment = new AttestedEnvironment();
file('keys.json', { keys: [{ ...(await exportJWK(authority.publicKey)), kid: 'a', alg: 'RS256', use: 'sig' }] });
const authorities = file('authorities.json', { authorities: [{ issuer: AUTHORITY, keysFile: 'keys.json' }] });
const target = await new SignJWT({ ...environment.attestation('good').claims })
  .setProtectedHeader({ alg: 'RS256', kid: 'a' })
  .setIssuer(AUTHORITY)
  .setIssuedAt()
  .setExpirationTime('10m')
  .sign(authority.privateKey);

const server = await RunningServer.start({ STRONGROOM_RELEASE_AUTHORITIES_FILE: authorities });
test.after.always(async () => {
  await server.remove();
  rmSync(directory, { recursive: true });
});

const message = Buffer.from('what is signed');
const digest = createHash('sha256').update(message).digest('base64url');
const bytes = (text: unknown): Buffer => Buffer.from(String(text), 'base64url');
const encoded = (content: string | Uint8Array): string => Buffer.from(content).toString('base64url');
const keyOf = ({ json }: { readonly json: Record<string, unknown> }) => json.key as JsonWebKey & { kid: string };

test('a transfer blob in the documented layout brings in a key that works', async (t) => {
  const made = await server.post('/keys/exchange/create', { kty: 'RSA-HSM', key_size: 3072, key_ops: ['import'] });
  const { kid, n, e } = keyOf(made);
  const exchange = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const aesKey = randomBytes(32);
  const cipher = createCipheriv('id-aes256-wrap-pad', aesKey, Buffer.from('a65959a6', 'hex'));
  const ciphertext = Buffer.concat([
    publicEncrypt({ key: exchange, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, aesKey),
    cipher.update(privateKey.export({ type: 'pkcs8', format: 'der' })),
    cipher.final(),
  ]);
  const blob = {
    schema_version: '1.0.0',
    header: { kid, alg: 'dir', enc: 'CKM_RSA_AES_KEY_WRAP' },
    ciphertext: encoded(ciphertext),
    generator: 'a tool of another vendor',
  };
  const key = { kty: 'EC-HSM', crv: 'P-256', key_ops: ['sign'], key_hsm: encoded(JSON.stringify(blob)) };
  const brought = await server.send('PUT', '/keys/brought', JSON.stringify({ key }));
  t.is(brought.status, 200, JSON.stringify(brought.json));
  const { x, y } = publicKey.export({ format: 'jwk' });
  t.like(keyOf(brought), { kty: 'EC-HSM', x, y });
  const { json } = await server.post('/keys/brought/sign', { alg: 'ES256', value: digest });
  t.true(verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes(json.value)));
});

for (const [enc, hash] of [
  ['CKM_RSA_AES_KEY_WRAP', 'sha1'],
  ['RSA_AES_KEY_WRAP_256', 'sha256'],
  ['RSA_AES_KEY_WRAP_384', 'sha384'],
] as const) {
  test(`${enc}: the environment gets the key, signed by the pool that states the same certificate in attestations`, async (t) => {
    const name = `released-${hash}`;
    const made = await server.post(`/keys/${name}/create`, {
      kty: 'EC-HSM',
      crv: 'P-384',
      attributes: { exportable: true },
      release_policy: { data: encoded(policyFor('good').data) },
    });
    const { status, json } = await server.post(`/keys/${name}/release`, { target, enc, nonce: 'a nonce' });
    t.is(status, 200, JSON.stringify(json));
    const { payload, certificate } = await openStatement(String(json.value));
    t.like(payload.request, { enc, nonce: 'a nonce', kid: keyOf(made).kid });
    const wrapped = JSON.parse(bytes(payload.response.key.key.key_hsm).toString());
    const privateKey = environment.unwrapPrivateKey(bytes(wrapped.ciphertext), hash);
    const { x, y } = createPublicKey(privateKey).export({ format: 'jwk' });
    t.like(keyOf(made), { x, y });

    const attested = await server.get(`/keys/${name}/attestation`);
    const { attestation } = attested.json.attributes as { attestation: { certificatePemFile: string } };
    const root = file(`${name}.pem`, bytes(attestation.certificatePemFile).toString());
    const bundle = file(`${name}.json`, attested.json);
    const args = [PROGRAM, 'attestation', 'verify', '--bundle', bundle, '--root', root];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    t.regex(stdout, /The attestation holds\.\n$/);
    const statement = await openStatement(
      bytes((attestation as { privateKeyAttestation?: string }).privateKeyAttestation).toString(),
    );
    t.true(statement.certificate.publicKey.equals(certificate.publicKey));
  });
}

test('a key that nobody has seen goes to an environment by secure wrap and unwrap', async (t) => {
  const k = randomBytes(32);
  await server.send('PUT', '/keys/wrapping', JSON.stringify({ key: { kty: 'oct-HSM', k: encoded(k) } }));
  const wrapped = await server.post('/keys/wrapping/securewrapkey', { alg: 'A256KW' });
  t.is(wrapped.status, 200, JSON.stringify(wrapped.json));
  const decipher = createDecipheriv('aes256-wrap', k, Buffer.from('a6a6a6a6a6a6a6a6', 'hex'));
  const secret = Buffer.concat([decipher.update(bytes(wrapped.json.value)), decipher.final()]);
  const { value } = wrapped.json;
  const unwrapped = await server.post('/keys/wrapping/secureunwrapkey', { alg: 'A256KW', value, target });
  t.is(unwrapped.status, 200, JSON.stringify(unwrapped.json));
  t.deepEqual(environment.unwrap(bytes(unwrapped.json.value)), secret);
  const stranger = await server.post('/keys/wrapping/secureunwrapkey', { alg: 'A256KW', value, target: `${target}x` });
  t.is(stranger.status, 403);
});
