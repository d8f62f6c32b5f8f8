import { createDecipheriv, createHash, createPublicKey, privateDecrypt, sign, verify } from 'node:crypto';
import test from 'ava';
import type { ReleaseEncryption, ReleaseKeyRequest } from '../../src/engine/requests.ts';
import type { Curve } from '../../src/model/key.ts';
import { nodePublicKey } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { countObjects, settledObjects } from '../fixtures/token_inventory.ts';
import { AttestedEnvironment, AUTHORITY, openStatement, policyFor } from './attested_environment.ts';

let token: TestToken;
let opened: TestEngine;
const environment = new AttestedEnvironment();

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});
test.after.always(() => token.close());

const message = Buffer.from('what is signed');
const digest = createHash('sha256').update(message).digest();
const keyIdentifier = (name: string, version: string): string => `https://pool.example/keys/${name}/${version}`;

function requestFor(name: string, changes: Partial<ReleaseKeyRequest> = {}): ReleaseKeyRequest {
  return {
    key: { name },
    attestation: environment.attestation('good'),
    encryption: 'CKM_RSA_AES_KEY_WRAP',
    nonce: 'a nonce',
    apiVersion: '7.5',
    keyIdentifier,
    ...changes,
  };
}

async function released(request: ReleaseKeyRequest) {
  const { value } = await opened.engine.releaseKey(request);
  const { payload } = await openStatement(value);
  const { key_hsm: keyHsm } = payload.response.key.key;
  const wrapped = JSON.parse(Buffer.from(keyHsm, 'base64url').toString('utf8'));
  return { payload, wrapped, ciphertext: Buffer.from(wrapped.ciphertext, 'base64url') };
}

const ENCRYPTIONS: readonly [ReleaseEncryption, 'sha1' | 'sha256' | 'sha384'][] = [
  ['CKM_RSA_AES_KEY_WRAP', 'sha1'],
  ['RSA_AES_KEY_WRAP_256', 'sha256'],
  ['RSA_AES_KEY_WRAP_384', 'sha384'],
];

for (const [encryption, hash] of ENCRYPTIONS) {
  test(`${encryption}: a released RSA key decrypts and signs what the key of the pool does`, async (t) => {
    const { engine } = opened;
    const name = `rsa-${hash}`;
    const spec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } as const;
    const made = await engine.createKey({ name, spec, releasePolicy: policyFor('good') });
    t.true(made.exportable);
    const { ciphertext, wrapped } = await released(requestFor(name, { encryption }));
    t.deepEqual(wrapped.header, { kid: 'environment', alg: 'dir', enc: encryption });
    const privateKey = environment.unwrapPrivateKey(ciphertext, hash);
    t.true(createPublicKey(privateKey).equals(nodePublicKey(made.publicKey)));
    const { signature } = await engine.sign({ key: { name }, algorithm: 'RS256', digest });
    t.deepEqual(Buffer.from(signature), sign('sha256', message, privateKey));
    const { ciphertext: encrypted } = await engine.encrypt({
      key: { name },
      algorithm: 'RSA-OAEP',
      plaintext: message,
    });
    t.deepEqual(privateDecrypt(privateKey, encrypted), message);
  });

  test(`${encryption}: a released EC key makes signatures that the key of the pool accepts`, async (t) => {
    const { engine } = opened;
    for (const curve of ['P-256', 'P-256K', 'P-384', 'P-521'] as const satisfies readonly Curve[]) {
      const name = `ec-${hash}-${curve}`;
      const made = await engine.createKey({
        name,
        spec: { keyType: 'EC-HSM', curve },
        releasePolicy: policyFor('good'),
      });
      const { ciphertext, payload } = await released(requestFor(name, { encryption }));
      const privateKey = environment.unwrapPrivateKey(ciphertext, hash);
      t.true(createPublicKey(privateKey).equals(nodePublicKey(made.publicKey)), curve);
      t.is(payload.response.key.key.crv, curve);
      const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const key = { key: nodePublicKey(made.publicKey), dsaEncoding: 'ieee-p1363' } as const;
      t.true(verify('sha256', message, key, signature), curve);
    }
  });

  test(`${encryption}: a released oct key decrypts what the key of the pool encrypts`, async (t) => {
    const { engine } = opened;
    for (const size of [128, 192, 256] as const) {
      const name = `oct-${hash}-${size}`;
      await engine.createKey({ name, spec: { keyType: 'oct-HSM', size }, releasePolicy: policyFor('good') });
      const { ciphertext } = await released(requestFor(name, { encryption }));
      const value = environment.unwrap(ciphertext, hash);
      t.is(value.length * 8, size);
      const sealed = await engine.encrypt({ key: { name }, algorithm: `A${size}GCM`, plaintext: message });
      const decipher = createDecipheriv(`aes-${size}-gcm`, value, sealed.iv as Uint8Array);
      decipher.setAuthTag(sealed.tag as Uint8Array);
      t.deepEqual(Buffer.concat([decipher.update(sealed.ciphertext), decipher.final()]), message);
    }
  });
}

test('the answer is signed by the pool and says which key, for which request, under which policy', async (t) => {
  const { engine, pool } = opened;
  const name = 'told';
  const releasePolicy = policyFor('good', true);
  const spec = { keyType: 'EC-HSM', curve: 'P-256' } as const;
  const made = await engine.createKey({ name, spec, releasePolicy, operations: ['sign', 'export'] });
  const { value, version } = await engine.releaseKey(requestFor(name));
  const { header, payload, certificate } = await openStatement(value);
  const kid = keyIdentifier(name, made.version);
  t.is(version, made.version);
  t.is(header.typ, 'key-release+jws');
  t.deepEqual(payload.request, { 'api-version': '7.5', enc: 'CKM_RSA_AES_KEY_WRAP', kid, nonce: 'a nonce' });
  const { key, attributes, release_policy: policy } = payload.response.key;
  t.like(key, { kid, kty: 'EC-HSM', crv: 'P-256', key_ops: ['sign', 'export'] });
  const jwk = nodePublicKey(made.publicKey).export({ format: 'jwk' });
  t.like(key, { x: jwk.x, y: jwk.y });
  t.like(attributes, { enabled: true, exportable: true, created: made.created, recoverableDays: 90 });
  t.is(policy.contentType, releasePolicy.contentType);
  t.true(policy.immutable);
  t.deepEqual(Buffer.from(policy.data, 'base64url'), Buffer.from(releasePolicy.data));
  t.true(certificate.verify(certificate.publicKey), 'the certificate is signed by its own key');
  t.is(certificate.subject, `CN=Strongroom attestation of ${pool.label}`);
  t.is(certificate.issuer, certificate.subject);
  t.true(certificate.publicKey.equals(nodePublicKey(await pool.attestationPublicKey())));
  t.false(certificate.ca);
});

test('each release is wrapped under another key, and leaves no object behind', async (t) => {
  const { engine, pool } = await token.openEngine({ pool: { hosts: 1 } });
  const name = 'twice';
  await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 256 }, releasePolicy: policyFor('good') });
  const before = await settledObjects(pool, {});
  const ciphertexts = new Set<string>();
  for (const [encryption] of [...ENCRYPTIONS, ...ENCRYPTIONS]) {
    const { value } = await engine.releaseKey(requestFor(name, { encryption }));
    const { payload } = await openStatement(value);
    ciphertexts.add(payload.response.key.key.key_hsm);
  }
  t.is(ciphertexts.size, 6);
  t.deepEqual(await settledObjects(pool, {}), before);
});

test('a policy that is not met: refused, and nothing said of the claims', async (t) => {
  const { engine } = opened;
  const name = 'policy';
  await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 128 }, releasePolicy: policyFor('good') });
  const good = environment.attestation('good');
  for (const attestation of [
    environment.attestation('secret claim'),
    { ...good, authority: 'https://other.example' },
    { ...good, authority: `${AUTHORITY}.other.example` },
    { ...good, claims: { 'x-ms-runtime': good.claims['x-ms-runtime'] } },
  ]) {
    const attempt = engine.releaseKey(requestFor(name, { attestation }));
    const error = await refused(t, attempt, 'Forbidden', 'ReleasePolicyNotMet');
    t.is(error.message, 'The attestation does not meet the release policy of the key.');
  }
});

test('a key without a release policy, and one that is disabled, is released to nobody', async (t) => {
  const { engine } = opened;
  const spec = { keyType: 'oct-HSM', size: 128 } as const;
  await engine.createKey({ name: 'plain', spec, operations: ['encrypt', 'export'] });
  await refused(t, engine.releaseKey(requestFor('plain')), 'Forbidden', 'KeyNotExportable');
  await engine.createKey({ name: 'disabled', spec, releasePolicy: policyFor('good'), enabled: false });
  await refused(t, engine.releaseKey(requestFor('disabled')), 'Forbidden', 'KeyDisabled');
  await refused(t, engine.releaseKey(requestFor('absent')), 'KeyNotFound');
});

test('a deleted key is not there to be released, and a recovered one is', async (t) => {
  const { engine } = opened;
  const name = 'deleted';
  await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 128 }, releasePolicy: policyFor('good') });
  await engine.deleteKey(name);
  await refused(t, engine.releaseKey(requestFor(name)), 'KeyNotFound');
  await engine.recoverKey(name);
  t.is((await engine.releaseKey(requestFor(name))).name, name);
});

test('outside of its dates a key is released all the same', async (t) => {
  const { engine } = opened;
  const now = Math.floor(Date.now() / 1000);
  const spec = { keyType: 'oct-HSM', size: 128 } as const;
  const releasePolicy = policyFor('good');
  await engine.createKey({ name: 'expired', spec, releasePolicy, notBefore: now - 9_000, expires: now - 5_000 });
  t.is((await engine.releaseKey(requestFor('expired'))).name, 'expired');
});

test('the version that is named is released, the newest one when none is', async (t) => {
  const { engine } = opened;
  const request = {
    name: 'versions',
    spec: { keyType: 'oct-HSM', size: 128 },
    releasePolicy: policyFor('good'),
  } as const;
  const first = await engine.createKey(request);
  const second = await engine.createKey(request);
  const { name, version } = first;
  t.is((await engine.releaseKey(requestFor(name))).version, second.version);
  t.is((await engine.releaseKey(requestFor(name, { key: { name, version } }))).version, version);
});

test('the first key of the environment that is fit for it is the one that is wrapped for', async (t) => {
  const { engine } = opened;
  const name = 'recipients';
  await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 256 }, releasePolicy: policyFor('good') });
  const other = new AttestedEnvironment();
  const { key_ops: _operations, kid: _kid, ...bare } = environment.jwk;
  const { key_ops: _otherOperations, ...otherBare } = other.jwk;
  const unfit = [
    null,
    'key',
    otherBare,
    { ...otherBare, use: 'sig' },
    { ...otherBare, key_ops: ['verify'] },
    { ...other.jwk, kty: 'EC' },
    { ...other.jwk, n: 'AQAB' },
    { ...other.jwk, n: '!' },
    { ...other.jwk, n: 7 },
    { ...other.jwk, e: 'AQ' },
    { ...other.jwk, e: 'Ag' },
    { ...other.jwk, e: undefined },
    { ...other.jwk, n: `${String(other.jwk.n).slice(0, -2)}AA` },
    new AttestedEnvironment(1024).jwk,
  ];
  for (const mark of [{ use: 'enc' }, { key_use: 'enc' }, { key_ops: ['wrapKey', 'encrypt'] }]) {
    const attestation = environment.attestation('good', [...unfit, { ...bare, ...mark }, other.jwk]);
    const { ciphertext, wrapped } = await released(requestFor(name, { attestation }));
    t.is(environment.unwrap(ciphertext).length, 32);
    t.deepEqual(wrapped.header, { alg: 'dir', enc: 'CKM_RSA_AES_KEY_WRAP' });
    t.throws(() => other.unwrap(ciphertext));
  }
  const refusals = [
    environment.attestation('good', unfit),
    environment.attestation('good', []),
    { authority: AUTHORITY, claims: { type: 'good' } },
    { authority: AUTHORITY, claims: { type: 'good', 'x-ms-runtime': { keys: environment.jwk } } },
    { authority: AUTHORITY, claims: { type: 'good', 'x-ms-runtime': [environment.jwk] } },
  ];
  for (const attestation of refusals) {
    await refused(t, engine.releaseKey(requestFor(name, { attestation })), 'BadParameter', 'NoRecipientKey');
  }
});

test('keys of an environment of 3072 and 4096 bits are wrapped for as well', async (t) => {
  const { engine } = opened;
  const name = 'large';
  const spec = { keyType: 'RSA-HSM', size: 4096, publicExponent: 65_537 } as const;
  const made = await engine.createKey({ name, spec, releasePolicy: policyFor('good') });
  for (const size of [3072, 4096]) {
    const large = new AttestedEnvironment(size);
    for (const [encryption, hash] of ENCRYPTIONS) {
      const { ciphertext } = await released(requestFor(name, { attestation: large.attestation('good'), encryption }));
      const privateKey = large.unwrapPrivateKey(ciphertext, hash);
      t.true(createPublicKey(privateKey).equals(nodePublicKey(made.publicKey)), `${size} ${encryption}`);
    }
  }
});

test('another encryption than the three is refused', async (t) => {
  const { engine } = opened;
  const name = 'encryption';
  await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 128 }, releasePolicy: policyFor('good') });
  const encryption = 'RSA_AES_KEY_WRAP_512' as ReleaseEncryption;
  await refused(t, engine.releaseKey(requestFor(name, { encryption })), 'BadParameter');
});

test('a key that the token keeps itself cannot be made with a release policy', async (t) => {
  const { engine } = opened;
  const spec = { keyType: 'oct-HSM', size: 128 } as const;
  const request = { name: 'resident', spec, releasePolicy: policyFor('good'), custody: 'resident' } as const;
  await refused(t, engine.createKey(request), 'NotSupported');
});

test('releasing a key leaves its use as it was: the object in use cannot be extracted', async (t) => {
  const { engine, pool } = await token.openEngine({ pool: { hosts: 1 } });
  const name = 'in-use';
  const key = { name };
  await engine.createKey({ name, spec: { keyType: 'EC-HSM', curve: 'P-256' }, releasePolicy: policyFor('good') });
  await engine.sign({ key, algorithm: 'ES256', digest });
  await engine.releaseKey(requestFor(name));
  await engine.sign({ key, algorithm: 'ES256', digest });
  const extractable = await countObjects(pool, { CKA_TOKEN: false, CKA_EXTRACTABLE: true });
  t.deepEqual(extractable, [0]);
});
