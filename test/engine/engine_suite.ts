import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  type KeyObject,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import type { TestFn } from 'ava';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import type { Custody, KeyMaterial } from '../../src/model/key.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { materialOf, materialOfPair, nodeEcPair, nodePublicKey, nodeRsaPair } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import type { TestEngine, TestToken } from '../fixtures/softhsm_token.ts';
import {
  type Device,
  EC_SIGNATURES,
  type HashBits,
  NODE_HASH,
  RSA_ENCRYPTIONS,
  RSA_SIGNATURES,
  SOFTHSM,
} from './engine_cases.ts';

const message = Buffer.from('what is signed');
const digestOf = (bits: HashBits): Buffer => createHash(NODE_HASH[bits]).update(message).digest();

function pssOptions(key: KeyObject, padding: number) {
  return padding === constants.RSA_PKCS1_PSS_PADDING
    ? { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { key, padding };
}

function flipped(bytes: Uint8Array, at = bytes.length - 1): Uint8Array {
  const copy = new Uint8Array(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

/** Every algorithm with every size of key, against node:crypto in both directions, with the keys in this custody. */
export function testEngine(test: TestFn, custody: Custody, device: Device = SOFTHSM): void {
  let token: TestToken;
  let opened: TestEngine;
  const secretsSign = custody === 'wrapped' || device.keepsSigningSecrets;

  test.before(async () => {
    token = await device.open();
    opened = await token.openEngine({ custody });
  });

  test.after.always(() => token.close());

  for (const size of [2048, 3072, 4096] as const) testRsa(size);
  for (const each of EC_SIGNATURES) {
    if (device.lackingCurves.has(each.curve)) testLackingCurve(each);
    else testEc(each);
  }
  for (const size of [128, 192, 256] as const) testOct(size);

  function testRsa(size: 2048 | 3072 | 4096): void {
    test(`RSA-${size}: what the engine signs, encrypts and wraps, node:crypto undoes, and the other way round`, async (t) => {
      const { engine } = opened;
      const pair = nodeRsaPair(size);
      const key = { name: `rsa-import-${size}` };
      const { publicKey, spec } = await engine.importKey({ ...key, material: materialOfPair(pair) });
      t.deepEqual(spec, { keyType: 'RSA-HSM', size, publicExponent: 65_537 });
      t.true(nodePublicKey(publicKey).equals(pair.publicKey));
      for (const { algorithm, bits, padding } of RSA_SIGNATURES) {
        const digest = digestOf(bits);
        const hash = NODE_HASH[bits];
        const { signature } = await engine.sign({ key, algorithm, digest });
        t.true(verify(hash, message, pssOptions(pair.publicKey, padding), signature), algorithm);
        const theirs = sign(hash, message, pssOptions(pair.privateKey, padding));
        t.true((await engine.verify({ key, algorithm, digest, signature: theirs })).valid, algorithm);
        t.false((await engine.verify({ key, algorithm, digest, signature: flipped(theirs) })).valid, algorithm);
        t.false((await engine.verify({ key, algorithm, digest: flipped(digest), signature: theirs })).valid, algorithm);
      }
      for (const { algorithm, options, overhead } of RSA_ENCRYPTIONS) {
        for (const length of [0, 1, 32, size / 8 - overhead]) {
          const plaintext = randomBytes(length);
          const theirs = publicEncrypt({ key: pair.publicKey, ...options }, plaintext);
          t.deepEqual(Buffer.from((await engine.decrypt({ key, algorithm, ciphertext: theirs })).plaintext), plaintext);
          t.deepEqual(Buffer.from((await engine.unwrapKey({ key, algorithm, value: theirs })).plaintext), plaintext);
          const { ciphertext } = await engine.encrypt({ key, algorithm, plaintext });
          t.is(ciphertext.length, size / 8);
          t.deepEqual(privateDecrypt({ key: pair.privateKey, ...options }, ciphertext), plaintext, algorithm);
          const { value } = await engine.wrapKey({ key, algorithm, value: plaintext });
          t.deepEqual(privateDecrypt({ key: pair.privateKey, ...options }, value), plaintext, algorithm);
        }
      }
    });

    test(`RSA-${size}: RSNULL signs up to eleven bytes less than the modulus without a DigestInfo`, async (t) => {
      const { engine } = opened;
      const pair = nodeRsaPair(size);
      const key = { name: `rsa-null-${size}` };
      await engine.importKey({ ...key, material: materialOfPair(pair) });
      for (const length of [1, 36, size / 8 - 11]) {
        const digest = randomBytes(length);
        const { signature } = await engine.sign({ key, algorithm: 'RSNULL', digest });
        t.deepEqual(publicDecrypt(pair.publicKey, signature), digest);
        const theirs = privateEncrypt(pair.privateKey, digest);
        t.true((await engine.verify({ key, algorithm: 'RSNULL', digest, signature: theirs })).valid);
        t.false((await engine.verify({ key, algorithm: 'RSNULL', digest, signature: flipped(theirs) })).valid);
      }
    });

    test(`RSA-${size}: a generated key signs and decrypts under the public key that it is published with`, async (t) => {
      const { engine } = opened;
      const key = { name: `rsa-create-${size}` };
      const spec = { keyType: 'RSA-HSM', size, publicExponent: 65_537 } as const;
      const made = await engine.createKey({ ...key, spec });
      t.is(made.custody, custody);
      t.deepEqual(made.spec, spec);
      const publicKey = nodePublicKey(made.publicKey);
      const { signature } = await engine.sign({ key, algorithm: 'PS256', digest: digestOf(256) });
      t.true(verify('sha256', message, pssOptions(publicKey, constants.RSA_PKCS1_PSS_PADDING), signature));
      const ciphertext = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, message);
      const { plaintext } = await engine.decrypt({ key, algorithm: 'RSA-OAEP-256', ciphertext });
      t.deepEqual(Buffer.from(plaintext), message);
    });
  }

  function testLackingCurve({ algorithm, curve }: (typeof EC_SIGNATURES)[number]): void {
    test(`${curve}: keys are refused, made and brought alike, because the device does not have ${algorithm}`, async (t) => {
      const { engine, pool } = opened;
      const spec = { keyType: 'EC-HSM', curve } as const;
      const material = materialOfPair(nodeEcPair(curve));
      await refused(t, engine.createKey({ name: `ec-lacking-${curve}`, spec }), 'NotSupported');
      await refused(t, engine.importKey({ name: `ec-lacking-${curve}`, material }), 'NotSupported');
      await refused(t, engine.getKey({ name: `ec-lacking-${curve}` }), 'KeyNotFound');
      t.is(pool.realisation(algorithm), undefined);
    });
  }

  function testEc({ algorithm, curve, bits }: (typeof EC_SIGNATURES)[number]): void {
    test(`${curve}: ${algorithm} of the engine and of node:crypto verify with each other`, async (t) => {
      const { engine } = opened;
      const pair = nodeEcPair(curve);
      const digest = digestOf(bits);
      const hash = NODE_HASH[bits];
      const imported = { name: `ec-import-${curve}` };
      const { publicKey } = await engine.importKey({ ...imported, material: materialOfPair(pair) });
      t.true(nodePublicKey(publicKey).equals(pair.publicKey));
      const theirs = sign(hash, message, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
      t.true((await engine.verify({ key: imported, algorithm, digest, signature: theirs })).valid);
      t.false((await engine.verify({ key: imported, algorithm, digest, signature: flipped(theirs) })).valid);
      t.false((await engine.verify({ key: imported, algorithm, digest: flipped(digest), signature: theirs })).valid);
      const created = { name: `ec-create-${curve}` };
      const made = await engine.createKey({ ...created, spec: { keyType: 'EC-HSM', curve } });
      t.is(made.custody, custody);
      for (const [key, nodeKey] of [
        [imported, pair.publicKey],
        [created, nodePublicKey(made.publicKey)],
      ] as const) {
        const { signature, version } = await engine.sign({ key, algorithm, digest });
        t.is(signature.length, theirs.length);
        t.true(verify(hash, message, { key: nodeKey, dsaEncoding: 'ieee-p1363' }, signature));
        t.true((await engine.verify({ key: { ...key, version }, algorithm, digest, signature })).valid);
      }
    });
  }

  function testOct(size: 128 | 192 | 256): void {
    const signing = secretsSign ? (['sign', 'verify'] as const) : [];
    const operations = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey', ...signing] as const;

    async function importOct(name: string): Promise<{ key: { name: string }; value: Buffer }> {
      const value = randomBytes(size / 8);
      const material = materialOf({ kty: 'oct', k: value.toString('base64url') });
      await opened.engine.importKey({ name, material, operations });
      return { key: { name }, value };
    }

    test(`oct-${size}: A${size}GCM is that of node:crypto, with and without additional data`, async (t) => {
      const { engine } = opened;
      const { key, value } = await importOct(`oct-gcm-${size}`);
      const algorithm: AlgorithmName = `A${size}GCM`;
      for (const length of [0, 1, 16, 1_000, LIMITS.operationInputBytes]) {
        for (const aad of [undefined, Buffer.alloc(0), randomBytes(20), randomBytes(LIMITS.aadBytes)]) {
          const plaintext = randomBytes(length);
          const sealed = await engine.encrypt({ key, algorithm, plaintext, aad });
          t.is(sealed.iv?.length, 12);
          t.is(sealed.tag?.length, 16);
          t.is(sealed.ciphertext.length, length);
          const decipher = createDecipheriv(`aes-${size}-gcm`, value, sealed.iv as Uint8Array);
          decipher.setAAD(aad ?? Buffer.alloc(0)).setAuthTag(sealed.tag as Uint8Array);
          t.deepEqual(Buffer.concat([decipher.update(sealed.ciphertext), decipher.final()]), plaintext);
          const iv = randomBytes(12);
          const cipher = createCipheriv(`aes-${size}-gcm`, value, iv).setAAD(aad ?? Buffer.alloc(0));
          const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
          const given = { key, algorithm, ciphertext, iv, aad, tag: cipher.getAuthTag() };
          t.deepEqual(Buffer.from((await engine.decrypt(given)).plaintext), plaintext);
          await refused(t, engine.decrypt({ ...given, tag: flipped(given.tag) }), 'DecryptionFailed');
          await refused(t, engine.decrypt({ ...given, iv: flipped(iv) }), 'DecryptionFailed');
          await refused(t, engine.decrypt({ ...given, aad: Buffer.from('other') }), 'DecryptionFailed');
        }
      }
    });

    test(`oct-${size}: A${size}CBC and A${size}CBCPAD are those of node:crypto`, async (t) => {
      const { engine } = opened;
      const { key, value } = await importOct(`oct-cbc-${size}`);
      for (const [algorithm, padding, lengths] of [
        [`A${size}CBC`, false, [16, 64, LIMITS.operationInputBytes]],
        [`A${size}CBCPAD`, true, [0, 1, 15, 16, 17, LIMITS.operationInputBytes]],
      ] as const) {
        for (const length of lengths) {
          const plaintext = randomBytes(length);
          const iv = randomBytes(16);
          const cipher = createCipheriv(`aes-${size}-cbc`, value, iv).setAutoPadding(padding);
          const theirs = Buffer.concat([cipher.update(plaintext), cipher.final()]);
          const ours = await engine.encrypt({ key, algorithm, plaintext, iv });
          t.deepEqual(Buffer.from(ours.ciphertext), theirs);
          t.deepEqual(Buffer.from(ours.iv as Uint8Array), iv);
          const { plaintext: back } = await engine.decrypt({ key, algorithm, ciphertext: theirs, iv });
          t.deepEqual(Buffer.from(back), plaintext);
          const made = await engine.encrypt({ key, algorithm, plaintext });
          const { plaintext: again } = await engine.decrypt({
            key,
            algorithm,
            ciphertext: made.ciphertext,
            iv: made.iv,
          });
          t.deepEqual(Buffer.from(again), plaintext);
        }
      }
    });

    test(`oct-${size}: the key wraps are those of node:crypto`, async (t) => {
      const { engine } = opened;
      const { key, value } = await importOct(`oct-wrap-${size}`);
      const plain = Buffer.from('a6a6a6a6a6a6a6a6', 'hex');
      const padded = Buffer.from('a65959a6', 'hex');
      for (const [algorithm, cipherName, iv, lengths, ofOthers] of [
        [`A${size}KW`, `aes${size}-wrap`, plain, [16, 24, 32, 4_096], []],
        ['CKM_AES_KEY_WRAP', `aes${size}-wrap`, plain, [16, 24, 32, 4_096], []],
        ['CKM_AES_KEY_WRAP_PAD', `id-aes${size}-wrap-pad`, padded, [8, 16, 24, 4_000], [1, 7, 9, 20, 4_001]],
      ] as const) {
        for (const length of [...lengths, ...ofOthers]) {
          const secret = randomBytes(length);
          const cipher = createCipheriv(cipherName, value, iv);
          const theirs = Buffer.concat([cipher.update(secret), cipher.final()]);
          const unwrapped = await engine.unwrapKey({ key, algorithm, value: theirs });
          t.deepEqual(Buffer.from(unwrapped.plaintext), secret, `${algorithm} ${length}`);
          for (const at of [0, theirs.length - 1]) {
            await refused(t, engine.unwrapKey({ key, algorithm, value: flipped(theirs, at) }), 'DecryptionFailed');
          }
        }
        for (const length of device.padsAnyLength ? [...lengths, ...ofOthers] : lengths) {
          const secret = randomBytes(length);
          const cipher = createCipheriv(cipherName, value, iv);
          const theirs = Buffer.concat([cipher.update(secret), cipher.final()]);
          t.deepEqual(Buffer.from((await engine.wrapKey({ key, algorithm, value: secret })).value), theirs, algorithm);
        }
        // SoftHSM would fill these up with zeros and give them back longer, so they are not taken.
        for (const length of device.padsAnyLength ? [] : ofOthers) {
          await refused(t, engine.wrapKey({ key, algorithm, value: randomBytes(length) }), 'BadParameter');
        }
      }
    });

    if (secretsSign) testHmac();
    else testLackingHmac();

    function testLackingHmac(): void {
      test(`oct-${size}: keys that sign are refused, made and brought alike, and one cannot become such a key`, async (t) => {
        const { engine } = opened;
        const name = `oct-hmac-${size}`;
        const key = { name };
        const material = (): KeyMaterial => ({ keyType: 'oct-HSM', value: randomBytes(size / 8) });
        const spec = { keyType: 'oct-HSM', size } as const;
        for (const operation of ['sign', 'verify'] as const) {
          await refused(t, engine.createKey({ name, spec, operations: [operation] }), 'NotSupported');
          await refused(t, engine.importKey({ name, material: material(), operations: [operation] }), 'NotSupported');
        }
        await engine.importKey({ name, material: material() });
        await engine.updateKey({ key, operations: ['sign', 'encrypt'] });
        if (size === 256) await refused(t, engine.sign({ key, algorithm: 'HS256', digest: message }), 'NotSupported');
        const { ciphertext } = await engine.encrypt({ key, algorithm: `A${size}GCM`, plaintext: message });
        t.is(ciphertext.length, message.length, 'it does what it did before');
      });
    }

    function testHmac(): void {
      test(`oct-${size}: HMAC is that of node:crypto where the key is as long as the digest, and refused elsewhere`, async (t) => {
        const { engine } = opened;
        const { key, value } = await importOct(`oct-hmac-${size}`);
        for (const bits of [256, 384, 512] as const) {
          const algorithm: AlgorithmName = `HS${bits}`;
          if (bits > size) {
            await refused(t, engine.sign({ key, algorithm, digest: message }), 'BadParameter');
            await refused(t, engine.verify({ key, algorithm, digest: message, signature: message }), 'BadParameter');
            continue;
          }
          for (const digest of [Buffer.from('m'), message, randomBytes(10_000)]) {
            const theirs = createHmac(NODE_HASH[bits], value).update(digest).digest();
            t.deepEqual(Buffer.from((await engine.sign({ key, algorithm, digest })).signature), theirs);
            t.true((await engine.verify({ key, algorithm, digest, signature: theirs })).valid);
            t.false((await engine.verify({ key, algorithm, digest, signature: flipped(theirs) })).valid);
          }
        }
      });
    }

    test(`oct-${size}: a generated key does all that an imported one does`, async (t) => {
      const { engine } = opened;
      const key = { name: `oct-create-${size}` };
      const made = await engine.createKey({ ...key, spec: { keyType: 'oct-HSM', size }, operations });
      t.is(made.custody, custody);
      t.deepEqual(made.publicKey, { keyType: 'oct-HSM' });
      const sealed = await engine.encrypt({ key, algorithm: `A${size}GCM`, plaintext: message });
      const { ciphertext, iv, tag } = sealed;
      const { plaintext } = await engine.decrypt({ key, algorithm: `A${size}GCM`, ciphertext, iv, tag });
      t.deepEqual(Buffer.from(plaintext), message);
      const secret = randomBytes(24);
      const { value } = await engine.wrapKey({ key, algorithm: 'CKM_AES_KEY_WRAP_PAD', value: secret });
      const unwrapped = await engine.unwrapKey({ key, algorithm: 'CKM_AES_KEY_WRAP_PAD', value });
      t.deepEqual(Buffer.from(unwrapped.plaintext), secret);
      if (size < 256 || !secretsSign) return;
      const { signature } = await engine.sign({ key, algorithm: 'HS256', digest: message });
      t.true((await engine.verify({ key, algorithm: 'HS256', digest: message, signature })).valid);
    });
  }

  test('a signature of another length is not valid, whatever the algorithm', async (t) => {
    const { engine } = opened;
    await engine.createKey({ name: 'lengths-ec', spec: { keyType: 'EC-HSM', curve: 'P-256' } });
    const operations = ['sign', 'verify'] as const;
    const spec = { keyType: 'oct-HSM', size: 256 } as const;
    if (secretsSign) await engine.createKey({ name: 'lengths-oct', spec, operations });
    for (const [name, algorithm, length] of [
      ['lengths-ec', 'ES256', 64],
      ...(secretsSign ? ([['lengths-oct', 'HS256', 32]] as const) : []),
    ] as const) {
      const digest = digestOf(256);
      const { signature } = await engine.sign({ key: { name }, algorithm, digest });
      for (const other of [0, 1, length - 1, length + 1, 2 * length, 70_000]) {
        const padded = new Uint8Array(other);
        padded.set(signature.subarray(0, Math.min(other, length)));
        t.false((await engine.verify({ key: { name }, algorithm, digest, signature: padded })).valid, `${other}`);
      }
    }
  });

  test('a key works in an engine that is opened later over the same store and token', async (t) => {
    const first = await token.openEngine({ custody, storeName: 'reopened.db' });
    const key = { name: 'lasting' };
    await first.engine.createKey({ ...key, spec: { keyType: 'EC-HSM', curve: 'P-256' } });
    await first.close();
    const second = await token.openEngine({ custody, storeName: 'reopened.db' });
    const digest = digestOf(256);
    const { signature } = await second.engine.sign({ key, algorithm: 'ES256', digest });
    const { publicKey } = await second.engine.getKey(key);
    t.true(verify('sha256', message, { key: nodePublicKey(publicKey), dsaEncoding: 'ieee-p1363' }, signature));
  });

  test('more keys in use than an instance may hold objects: all answer, and the oldest made room', async (t) => {
    const limits = { sessionObjectsPerHost: 4 };
    const { engine, pool } = await token.openEngine({ custody, limits });
    const names = Array.from({ length: 24 }, (_, index) => `lru-${index}`);
    const plaintext = randomBytes(40);
    for (const name of names) await engine.createKey({ name, spec: { keyType: 'oct-HSM', size: 256 } });
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(
        names.flatMap((name) =>
          [0, 1, 2].map(async () => {
            const key = { name };
            const { ciphertext, iv, tag } = await engine.encrypt({ key, algorithm: 'A256GCM', plaintext });
            return (await engine.decrypt({ key, algorithm: 'A256GCM', ciphertext, iv, tag })).plaintext;
          }),
        ),
      );
      for (const answer of answers) t.deepEqual(Buffer.from(answer), plaintext);
    }
    const { custody: objects } = engine.status();
    t.true(objects.objects <= limits.sessionObjectsPerHost * pool.hosts.length, `${objects.objects} objects`);
    t.true(objects.evicted > names.length);
    t.is(objects.destroyFailures, 0);
  });
}
