import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import test from 'ava';
import type { SecureWrapAlgorithmName } from '../../src/model/secure_wrap_algorithm.ts';
import { materialOf, materialOfPair, nodePublicKey, nodeRsaPair } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { countObjects } from '../fixtures/token_inventory.ts';
import { AttestedEnvironment, AUTHORITY, policyFor } from './attested_environment.ts';

let token: TestToken;
let opened: TestEngine;
const environment = new AttestedEnvironment();
const attestation = environment.attestation('good');

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine({ pool: { hosts: 1 } });
});
test.after.always(() => token.close());

const PLAIN_IV = Buffer.from('a6a6a6a6a6a6a6a6', 'hex');
const PADDED_IV = Buffer.from('a65959a6', 'hex');

const AES: readonly [algorithm: SecureWrapAlgorithmName, size: 128 | 192 | 256, padded: boolean][] = [
  ['A128KW', 128, false],
  ['A192KW', 192, false],
  ['A256KW', 256, false],
  ['A128KWPAD', 128, true],
  ['A192KWPAD', 192, true],
  ['A256KWPAD', 256, true],
  ['CKM_AES_KEY_WRAP', 192, false],
  ['CKM_AES_KEY_WRAP_PAD', 128, true],
];

const cipherName = (size: number, padded: boolean): string => (padded ? `id-aes${size}-wrap-pad` : `aes${size}-wrap`);
const ivOf = (padded: boolean): Buffer => (padded ? PADDED_IV : PLAIN_IV);

for (const custody of ['wrapped', 'resident'] as const) {
  for (const [algorithm, size, padded] of AES) {
    test(`${custody} ${algorithm}: a new key comes out wrapped, and goes from there to the environment as it is`, async (t) => {
      const { engine } = opened;
      const value = randomBytes(size / 8);
      const name = `${custody}-${algorithm.replaceAll('_', '-')}`;
      const key = await engine.importKey({
        name,
        material: materialOf({ kty: 'oct', k: value.toString('base64url') }),
        custody,
      });
      const wrapped = await engine.secureWrapKey({ key: { name }, algorithm });
      t.is(wrapped.version, key.version);
      const decipher = createDecipheriv(cipherName(size, padded), value, ivOf(padded));
      const secret = Buffer.concat([decipher.update(wrapped.value), decipher.final()]);
      t.is(secret.length, 32);
      const unwrapped = await engine.secureUnwrapKey({ key: { name }, algorithm, value: wrapped.value, attestation });
      t.deepEqual(environment.unwrap(unwrapped.value), secret);
      const again = await engine.secureWrapKey({ key: { name }, algorithm });
      t.notDeepEqual(again.value, wrapped.value, 'each time another key');
    });
  }

  test(`${custody} RSA-OAEP-256: a new key comes out wrapped, and goes from there to the environment as it is`, async (t) => {
    const { engine } = opened;
    const name = `${custody}-rsa`;
    const algorithm = 'RSA-OAEP-256';
    const pair = nodeRsaPair(3072);
    await engine.importKey({ name, material: materialOfPair(pair), custody });
    const { value } = await engine.secureWrapKey({ key: { name }, algorithm });
    const privateKey = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const secret = privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      value,
    );
    t.is(secret.length, 32);
    const unwrapped = await engine.secureUnwrapKey({ key: { name }, algorithm, value, attestation });
    t.deepEqual(environment.unwrap(unwrapped.value), secret);
  });
}

test('a value that does not unwrap: the one answer, whatever the reason', async (t) => {
  const { engine } = opened;
  const secret = randomBytes(32);
  await engine.importKey({ name: 'aes', material: materialOf({ kty: 'oct', k: secret.toString('base64url') }) });
  const rsa = await engine.createKey({ name: 'rsa', spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } });
  const wrapBytes = (bytes: Buffer): Buffer => {
    const cipher = createCipheriv('aes256-wrap', secret, PLAIN_IV);
    return Buffer.concat([cipher.update(bytes), cipher.final()]);
  };
  const encrypt = (bytes: Buffer, oaepHash: string): Buffer =>
    publicEncrypt({ key: nodePublicKey(rsa.publicKey), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes);
  const flipped = (bytes: Buffer): Buffer => {
    const copy = Buffer.from(bytes);
    copy[7] = (copy[7] as number) ^ 1;
    return copy;
  };
  const good = wrapBytes(randomBytes(32));
  const goodRsa = encrypt(randomBytes(32), 'sha256');
  t.truthy(await engine.secureUnwrapKey({ key: { name: 'aes' }, algorithm: 'A256KW', value: good, attestation }));
  t.truthy(
    await engine.secureUnwrapKey({ key: { name: 'rsa' }, algorithm: 'RSA-OAEP-256', value: goodRsa, attestation }),
  );
  const messages = new Set<string>();
  for (const [name, algorithm, value] of [
    ['aes', 'A256KW', flipped(good)],
    ['aes', 'A256KWPAD', good],
    ['aes', 'A256KW', good.subarray(0, 32)],
    ['aes', 'A256KW', new Uint8Array(0)],
    ['aes', 'A256KW', wrapBytes(randomBytes(16))],
    ['aes', 'A256KW', wrapBytes(randomBytes(40))],
    ['rsa', 'RSA-OAEP-256', flipped(goodRsa)],
    ['rsa', 'RSA-OAEP-256', encrypt(randomBytes(32), 'sha1')],
    ['rsa', 'RSA-OAEP-256', encrypt(randomBytes(31), 'sha256')],
    ['rsa', 'RSA-OAEP-256', goodRsa.subarray(1)],
  ] as const) {
    const attempt = engine.secureUnwrapKey({ key: { name }, algorithm, value, attestation });
    messages.add((await refused(t, attempt, 'DecryptionFailed')).message);
  }
  t.is(messages.size, 1);
});

test('an algorithm that does not fit the key, and one that secure wrap does not have, are refused', async (t) => {
  const { engine } = opened;
  await engine.createKey({ name: 'fit-oct', spec: { keyType: 'oct-HSM', size: 128 } });
  await engine.createKey({ name: 'fit-rsa', spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } });
  await engine.createKey({ name: 'fit-ec', spec: { keyType: 'EC-HSM', curve: 'P-256' } });
  for (const [name, algorithm] of [
    ['fit-oct', 'A256KW'],
    ['fit-oct', 'A192KWPAD'],
    ['fit-oct', 'RSA-OAEP-256'],
    ['fit-rsa', 'A128KW'],
    ['fit-rsa', 'RSA-OAEP'],
    ['fit-oct', 'A128GCM'],
    ['fit-oct', 'nothing'],
  ] as const) {
    const request = { key: { name }, algorithm: algorithm as SecureWrapAlgorithmName };
    await refused(t, engine.secureWrapKey(request), 'BadParameter', undefined, `${name} ${algorithm}`);
    await refused(t, engine.secureUnwrapKey({ ...request, value: randomBytes(40), attestation }), 'BadParameter');
  }
  await refused(t, engine.secureWrapKey({ key: { name: 'fit-ec' }, algorithm: 'RSA-OAEP-256' }), 'Forbidden');
  await refused(t, engine.secureWrapKey({ key: { name: 'fit-absent' }, algorithm: 'A128KW' }), 'KeyNotFound');
});

test('wrapKey and unwrapKey have to be among the operations of the key, which has to be enabled', async (t) => {
  const { engine } = opened;
  const spec = { keyType: 'oct-HSM', size: 256 } as const;
  const algorithm = 'A256KW';
  const key = { name: 'wraps-only' };
  await engine.createKey({ ...key, spec, operations: ['wrapKey'] });
  const { value } = await engine.secureWrapKey({ key, algorithm });
  const unwrapping = { key, algorithm, value, attestation } as const;
  await refused(t, engine.secureUnwrapKey(unwrapping), 'Forbidden', 'KeyOperationForbidden');
  await engine.updateKey({ key, operations: ['unwrapKey'] });
  t.is(environment.unwrap((await engine.secureUnwrapKey(unwrapping)).value).length, 32);
  await refused(t, engine.secureWrapKey({ key, algorithm }), 'Forbidden', 'KeyOperationForbidden');
  await engine.updateKey({ key, enabled: false });
  await refused(t, engine.secureUnwrapKey(unwrapping), 'Forbidden', 'KeyDisabled');
});

test('an expired key wraps no more, and still unwraps', async (t) => {
  const { engine } = opened;
  const key = { name: 'expiring' };
  const algorithm = 'A256KW';
  await engine.createKey({ ...key, spec: { keyType: 'oct-HSM', size: 256 } });
  const { value } = await engine.secureWrapKey({ key, algorithm });
  const now = Math.floor(Date.now() / 1000);
  await engine.updateKey({ key, notBefore: now - 9_000, expires: now - 5_000 });
  await refused(t, engine.secureWrapKey({ key, algorithm }), 'Forbidden', 'KeyExpired');
  t.is(environment.unwrap((await engine.secureUnwrapKey({ key, algorithm, value, attestation })).value).length, 32);
});

test('where the key has a release policy, the environment has to meet it', async (t) => {
  const { engine } = opened;
  const key = { name: 'with-policy' };
  const algorithm = 'A256KW';
  await engine.createKey({ ...key, spec: { keyType: 'oct-HSM', size: 256 }, releasePolicy: policyFor('good') });
  const { value } = await engine.secureWrapKey({ key, algorithm });
  const unwrap = (given: typeof attestation) => engine.secureUnwrapKey({ key, algorithm, value, attestation: given });
  t.truthy(await unwrap(attestation));
  await refused(t, unwrap(environment.attestation('bad')), 'Forbidden', 'ReleasePolicyNotMet');
  await refused(
    t,
    unwrap({ ...attestation, authority: `${AUTHORITY}.other.example` }),
    'Forbidden',
    'ReleasePolicyNotMet',
  );
  await refused(t, unwrap(environment.attestation('good', [])), 'BadParameter', 'NoRecipientKey');
});

test.serial('nothing is left in the token, whether it went well or not', async (t) => {
  const { engine, pool } = opened;
  const key = { name: 'left' };
  const algorithm = 'A256KW';
  await engine.createKey({ ...key, spec: { keyType: 'oct-HSM', size: 256 } });
  const before = await countObjects(pool, {});
  const { value } = await engine.secureWrapKey({ key, algorithm });
  await engine.secureUnwrapKey({ key, algorithm, value, attestation });
  const bad = randomBytes(40);
  await refused(t, engine.secureUnwrapKey({ key, algorithm, value: bad, attestation }), 'DecryptionFailed');
  t.deepEqual(await countObjects(pool, {}), before);
});
