import {
  constants,
  createCipheriv,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  verify,
} from 'node:crypto';
import test from 'ava';
import type { ImportWrappedKeyRequest, KeyVersion, WrappedKeySpec } from '../../src/engine/requests.ts';
import type { Custody } from '../../src/model/key.ts';
import type { KeyOperation } from '../../src/model/key_operation.ts';
import { nodeEcPair, nodePublicKey, nodeRsaPair } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { countObjects, destroyObjects } from '../fixtures/token_inventory.ts';
import { AttestedEnvironment, openStatement, policyFor } from './attested_environment.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine({ pool: { hosts: 1 } });
});
test.after.always(() => token.close());

const message = Buffer.from('what is signed');
const digest = createHash('sha256').update(message).digest();
const pkcs8 = (key: KeyObject): Buffer => key.export({ type: 'pkcs8', format: 'der' });

let exchangeKeys = 0;
function newExchangeKey(size: 2048 | 3072 | 4096 = 2048, custody: Custody = 'wrapped'): Promise<KeyVersion> {
  const spec = { keyType: 'RSA-HSM', size, publicExponent: 65_537 } as const;
  exchangeKeys += 1;
  return opened.engine.createKey({ name: `exchange-${exchangeKeys}`, spec, operations: ['import'], custody });
}

interface Wrapping {
  readonly oaepHash?: string;
  readonly aesKey?: Buffer;
}

/** A transfer blob's ciphertext, as tools of other vendors make it. */
function wrap(
  { publicKey }: KeyVersion,
  target: Uint8Array,
  { oaepHash = 'sha1', aesKey = randomBytes(32) }: Wrapping = {},
): Buffer {
  const key = nodePublicKey(publicKey);
  const wrapped = publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, aesKey);
  const size = Math.max(aesKey.length, 16) * 8;
  const iv = Buffer.from('a65959a6', 'hex');
  const cipher = createCipheriv(`id-aes${size}-wrap-pad`, Buffer.alloc(size / 8, aesKey), iv);
  return Buffer.concat([wrapped, cipher.update(target), cipher.final()]);
}

let imports = 0;
function importWrapped(
  exchangeKey: KeyVersion,
  spec: WrappedKeySpec,
  wrappedKey: Uint8Array,
  changes: Partial<ImportWrappedKeyRequest> = {},
): Promise<KeyVersion> {
  imports += 1;
  const { name, version } = exchangeKey;
  return opened.engine.importWrappedKey({
    name: `imported-${imports}`,
    spec,
    exchangeKey: { name, version },
    wrappedKey,
    ...changes,
  });
}

test('an exchange key that the token has lost is missing, whatever becomes of the key that was to come in under it', async (t) => {
  const { pool, store } = opened;
  const exchangeKey = await newExchangeKey(2048, 'resident');
  const wrapped = wrap(exchangeKey, pkcs8(nodeEcPair('P-256').privateKey));
  const { objectId } = (await store.findKeyVersion(exchangeKey.name, exchangeKey.version))?.version?.record ?? {};
  t.is(await destroyObjects(pool, { CKA_TOKEN: true, CKA_ID: objectId }), 2);
  for (const custody of ['wrapped', 'resident'] as const) {
    const importing = importWrapped(exchangeKey, { keyType: 'EC-HSM', curve: 'P-256' }, wrapped, { custody });
    await refused(t, importing, 'KeyMissing');
  }
});

for (const custody of ['wrapped', 'resident'] as const) {
  test(`${custody}: RSA keys of every size come in under exchange keys of every size, and work`, async (t) => {
    const { engine } = opened;
    for (const [size, exchangeSize] of [
      [2048, 4096],
      [3072, 3072],
      [4096, 2048],
    ] as const) {
      const exchangeKey = await newExchangeKey(exchangeSize, custody);
      const { privateKey, publicKey } = nodeRsaPair(size);
      const key = await importWrapped(exchangeKey, { keyType: 'RSA-HSM' }, wrap(exchangeKey, pkcs8(privateKey)), {
        custody,
      });
      t.deepEqual(key.spec, { keyType: 'RSA-HSM', size, publicExponent: 65_537 });
      t.is(key.custody, custody);
      t.true(nodePublicKey(key.publicKey).equals(publicKey));
      const { signature } = await engine.sign({ key, algorithm: 'RS256', digest });
      t.true(verify('sha256', message, publicKey, signature));
      const ciphertext = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, message);
      const { plaintext } = await engine.decrypt({ key, algorithm: 'RSA-OAEP-256', ciphertext });
      t.deepEqual(Buffer.from(plaintext), message);
    }
  });

  test(`${custody}: EC keys of every curve come in with the right public half, which the token does not tell`, async (t) => {
    const { engine } = opened;
    const exchangeKey = await newExchangeKey(2048, custody);
    for (const [curve, algorithm] of [
      ['P-256', 'ES256'],
      ['P-256K', 'ES256K'],
      ['P-384', 'ES384'],
      ['P-521', 'ES512'],
    ] as const) {
      for (let round = 0; round < 3; round++) {
        const { privateKey, publicKey } = nodeEcPair(curve);
        const wrapped = wrap(exchangeKey, pkcs8(privateKey));
        const key = await importWrapped(exchangeKey, { keyType: 'EC-HSM', curve }, wrapped, { custody });
        t.deepEqual(key.spec, { keyType: 'EC-HSM', curve });
        t.true(nodePublicKey(key.publicKey).equals(publicKey), curve);
        const hash = { ES256: 'sha256', ES256K: 'sha256', ES384: 'sha384', ES512: 'sha512' }[algorithm];
        const hashed = createHash(hash).update(message).digest();
        const { signature } = await engine.sign({ key, algorithm, digest: hashed });
        t.true(verify(hash, message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature), curve);
      }
    }
  });

  test(`${custody}: oct keys of every size come in, and work`, async (t) => {
    const { engine } = opened;
    const exchangeKey = await newExchangeKey(2048, custody);
    for (const size of [128, 192, 256] as const) {
      const value = randomBytes(size / 8);
      const key = await importWrapped(exchangeKey, { keyType: 'oct-HSM' }, wrap(exchangeKey, value), { custody });
      t.deepEqual(key.spec, { keyType: 'oct-HSM', size });
      const iv = randomBytes(16);
      const cipher = createCipheriv(`aes-${size}-cbc`, value, iv);
      const ciphertext = Buffer.concat([cipher.update(message), cipher.final()]);
      const { plaintext } = await engine.decrypt({ key, algorithm: `A${size}CBCPAD`, ciphertext, iv });
      t.deepEqual(Buffer.from(plaintext), message);
    }
  });
}

test('AES keys of 128 and 192 bits in between will do as well', async (t) => {
  const exchangeKey = await newExchangeKey();
  for (const aesKey of [randomBytes(16), randomBytes(24)]) {
    const key = await importWrapped(
      exchangeKey,
      { keyType: 'oct-HSM' },
      wrap(exchangeKey, randomBytes(32), { aesKey }),
    );
    t.deepEqual(key.spec, { keyType: 'oct-HSM', size: 256 });
  }
});

test('a wrapped key has the attributes that it is imported with, and becomes a version like any other', async (t) => {
  const { engine } = opened;
  const exchangeKey = await newExchangeKey();
  const name = 'with-attributes';
  const first = await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 128 } });
  const expires = Math.floor(Date.now() / 1000) + 10_000;
  const changes = { name, operations: ['encrypt', 'decrypt'] as KeyOperation[], tags: { from: 'elsewhere' }, expires };
  const wrapped = wrap(exchangeKey, randomBytes(16));
  const second = await importWrapped(exchangeKey, { keyType: 'oct-HSM' }, wrapped, changes);
  t.like(second, changes);
  t.not(second.version, first.version);
  t.is((await engine.getKey({ name })).version, second.version);
});

test('whatever is wrong with what was wrapped, the answer is one and the same', async (t) => {
  const exchangeKey = await newExchangeKey();
  const other = await newExchangeKey();
  const rsa = nodeRsaPair(2048);
  const ec = nodeEcPair('P-256');
  const good = wrap(exchangeKey, pkcs8(ec.privateKey));
  const spec = { keyType: 'EC-HSM', curve: 'P-256' } as const;
  const flipped = (at: number): Buffer => {
    const copy = Buffer.from(good);
    copy[at] = (copy[at] as number) ^ 1;
    return copy;
  };
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const ed25519 = generateKeyPairSync('ed25519');
  const cases: Readonly<Record<string, readonly [WrappedKeySpec, Uint8Array]>> = {
    'the first bit of the AES key': [spec, flipped(0)],
    'the last bit of the AES key': [spec, flipped(255)],
    'the first bit of the key': [spec, flipped(256)],
    'the last bit of the key': [spec, flipped(good.length - 1)],
    'the two parts of another exchange key': [spec, wrap(other, pkcs8(ec.privateKey))],
    'OAEP with another hash': [spec, wrap(exchangeKey, pkcs8(ec.privateKey), { oaepHash: 'sha256' })],
    'an AES key of no size': [spec, wrap(exchangeKey, pkcs8(ec.privateKey), { aesKey: randomBytes(5) })],
    'another curve': [{ ...spec, curve: 'P-384' }, good],
    'another curve of the same width': [{ ...spec, curve: 'P-256K' }, good],
    'an EC key as an RSA key': [{ keyType: 'RSA-HSM' }, good],
    'an RSA key as an EC key': [spec, wrap(exchangeKey, pkcs8(rsa.privateKey))],
    'an EC key as an oct key': [{ keyType: 'oct-HSM' }, good],
    'an RSA key of 1024 bits': [{ keyType: 'RSA-HSM' }, wrap(exchangeKey, pkcs8(weak.privateKey))],
    'an Edwards key': [spec, wrap(exchangeKey, pkcs8(ed25519.privateKey))],
    'no PKCS#8': [spec, wrap(exchangeKey, randomBytes(138))],
    'a public key': [{ keyType: 'RSA-HSM' }, wrap(exchangeKey, rsa.publicKey.export({ type: 'spki', format: 'der' }))],
    'an oct key of 64 bits': [{ keyType: 'oct-HSM' }, wrap(exchangeKey, randomBytes(8))],
    'an oct key of 120 bits': [{ keyType: 'oct-HSM' }, wrap(exchangeKey, randomBytes(15))],
    'an oct key of 512 bits': [{ keyType: 'oct-HSM' }, wrap(exchangeKey, randomBytes(64))],
    nothing: [spec, new Uint8Array(0)],
    'the AES key alone': [spec, good.subarray(0, 256)],
    'half of it': [spec, good.subarray(0, 300)],
    'too much': [spec, Buffer.concat([good, Buffer.alloc(8_000)])],
  };
  const messages = new Set<string>();
  for (const [what, [wanted, wrapped]] of Object.entries(cases)) {
    const error = await refused(
      t,
      importWrapped(exchangeKey, wanted, wrapped),
      'BadParameter',
      'WrappedKeyInvalid',
      what,
    );
    messages.add(error.message);
  }
  t.is(messages.size, 1);
  t.deepEqual((await importWrapped(exchangeKey, spec, good)).spec, spec, 'and the good one still comes in');
});

test.serial('a refused import leaves no object and no key behind', async (t) => {
  const { engine, pool } = opened;
  const exchangeKey = await newExchangeKey(2048, 'resident');
  const before = await countObjects(pool, {});
  for (const custody of ['wrapped', 'resident'] as const) {
    const name = `refused-${custody}`;
    const bad = wrap(exchangeKey, randomBytes(138));
    await refused(t, importWrapped(exchangeKey, { keyType: 'RSA-HSM' }, bad, { name, custody }), 'BadParameter');
    await refused(t, engine.getKey({ name }), 'KeyNotFound');
  }
  t.deepEqual(await countObjects(pool, {}), before);
});

test('only a key whose one operation is import brings others in', async (t) => {
  const { engine } = opened;
  const spec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } as const;
  const target = { keyType: 'oct-HSM' } as const;
  const plain = await engine.createKey({ name: 'no-exchange', spec });
  await refused(t, importWrapped(plain, target, wrap(plain, randomBytes(32))), 'Forbidden', 'KeyOperationForbidden');
  const disabled = await engine.createKey({ name: 'disabled-exchange', spec, operations: ['import'], enabled: false });
  await refused(t, importWrapped(disabled, target, wrap(disabled, randomBytes(32))), 'Forbidden', 'KeyDisabled');
  const absent = { ...plain, name: 'absent-exchange' };
  await refused(t, importWrapped(absent, target, wrap(plain, randomBytes(32))), 'KeyNotFound');
  const mixed = engine.createKey({ name: 'mixed-exchange', spec, operations: ['import', 'unwrapKey'] });
  await refused(t, mixed, 'BadParameter');
});

test('an exchange key does nothing else: what was wrapped under it is not to be had by it', async (t) => {
  const { engine } = opened;
  const key = await newExchangeKey();
  const ciphertext = publicEncrypt({ key: nodePublicKey(key.publicKey), oaepHash: 'sha1' }, randomBytes(32));
  await refused(t, engine.decrypt({ key, algorithm: 'RSA-OAEP', ciphertext }), 'Forbidden', 'KeyOperationForbidden');
  await refused(
    t,
    engine.unwrapKey({ key, algorithm: 'RSA-OAEP', value: ciphertext }),
    'Forbidden',
    'KeyOperationForbidden',
  );
  await refused(t, engine.sign({ key, algorithm: 'RS256', digest }), 'Forbidden', 'KeyOperationForbidden');
});

test('a key type that is none, and a curve that is none, are refused', async (t) => {
  const exchangeKey = await newExchangeKey();
  const wrapped = wrap(exchangeKey, randomBytes(32));
  await refused(t, importWrapped(exchangeKey, { keyType: 'RSA' } as never, wrapped), 'BadParameter');
  await refused(
    t,
    importWrapped(exchangeKey, { keyType: 'EC-HSM', curve: 'P-224' } as never, wrapped),
    'KeyCurveNotSupported',
  );
  await refused(t, importWrapped(exchangeKey, { keyType: 'oct-HSM' }, 'text' as never), 'BadParameter');
});

test('an exportable key that came in wrapped can leave again, and is the one that came', async (t) => {
  const { engine } = opened;
  const environment = new AttestedEnvironment();
  const exchangeKey = await newExchangeKey();
  for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
    const { privateKey } = nodeEcPair(curve);
    const wrapped = wrap(exchangeKey, pkcs8(privateKey));
    const { name } = await importWrapped(exchangeKey, { keyType: 'EC-HSM', curve }, wrapped, {
      releasePolicy: policyFor('good'),
    });
    const { value } = await engine.releaseKey({
      key: { name },
      attestation: environment.attestation('good'),
      encryption: 'CKM_RSA_AES_KEY_WRAP',
      nonce: undefined,
      keyIdentifier: () => 'https://pool.example',
    });
    const { payload } = await openStatement(value);
    const { ciphertext } = JSON.parse(Buffer.from(payload.response.key.key.key_hsm, 'base64url').toString('utf8'));
    const released = environment.unwrapPrivateKey(Buffer.from(ciphertext, 'base64url'));
    t.deepEqual(released.export({ format: 'jwk' }), privateKey.export({ format: 'jwk' }));
  }
});
