import { createHash, createPrivateKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { KeyEngine } from '../../src/engine/key_engine.ts';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { KeyMaterial, PublicKey } from '../../src/model/key.ts';
import type { KeyOperation } from '../../src/model/key_operation.ts';
import { sealedKeyBytes, sealedKeyVersionBytes } from '../../src/store/record_seal.ts';
import type { KeyRecord, KeyVersionRecord } from '../../src/store/store.ts';
import { materialOf } from '../fixtures/key_material.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { testUnless } from '../fixtures/test_unless.ts';

/** The vectors lie beside the project, and are not part of it. */
const FOLDER = new URL('../../../shared/wycheproof/', import.meta.url);

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly flags: readonly string[];
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly [field: string]: unknown;
}

interface Group {
  readonly keySize: number;
  readonly ivSize: number;
  readonly tagSize: number;
  readonly sha: string;
  readonly tests: readonly Vector[];
  readonly [field: string]: unknown;
}

/** What became of the vectors of a file. */
interface Tally {
  accepted: number;
  rejected: number;
  acceptableAccepted: number;
  acceptableRejected: number;
  notApplicable: number;
}

let token: TestToken;
let opened: TestEngine;
let engine: KeyEngine;
const test = testUnless(existsSync(FOLDER) ? undefined : 'the vectors are not there');

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine({ limits: { keys: 100_000 } });
  engine = opened.engine;
});

test.after.always(async () => token?.close());

const hex = (vector: Vector, field: string): Buffer => Buffer.from(vector[field] as string, 'hex');

/** Whether the engine accepts a vector; undefined for what its API does not offer, as the whole of some groups is. */
type Accepts = (vector: Vector) => Promise<boolean | undefined>;

function testVectors(file: string, accepts: (group: Group) => Promise<Accepts | undefined>): void {
  test(`Wycheproof ${file}: what is valid is accepted, what is invalid is rejected`, async (t) => {
    t.timeout(240_000);
    const { testGroups } = JSON.parse(readFileSync(new URL(`${file}_test.json`, FOLDER), 'utf8')) as {
      testGroups: readonly Group[];
    };
    const tally: Tally = { accepted: 0, rejected: 0, acceptableAccepted: 0, acceptableRejected: 0, notApplicable: 0 };
    const wrong: string[] = [];
    for (const group of testGroups) {
      const accept = await accepts(group);
      if (accept === undefined) {
        tally.notApplicable += group.tests.length;
        continue;
      }
      const verdicts = await Promise.all(group.tests.map(accept));
      for (const [index, vector] of group.tests.entries()) {
        const accepted = verdicts[index];
        if (accepted === undefined) tally.notApplicable += 1;
        else if (vector.result === 'acceptable') tally[accepted ? 'acceptableAccepted' : 'acceptableRejected'] += 1;
        else tally[accepted ? 'accepted' : 'rejected'] += 1;
        if (accepted !== undefined && vector.result === (accepted ? 'invalid' : 'valid')) {
          wrong.push(`${vector.tcId} ${vector.result} ${vector.comment} ${vector.flags.join(' ')}`);
        }
      }
    }
    t.log(
      `${tally.accepted} accepted, ${tally.rejected} rejected; of the acceptable ${tally.acceptableAccepted} accepted, ` +
        `${tally.acceptableRejected} rejected; ${tally.notApplicable} not applicable`,
    );
    t.deepEqual(wrong, []);
    t.true(tally.accepted > 0);
  });
}

/** True when it went through, false when the HSM rejected the value; anything else is a failure of the test. */
async function goesThrough(attempt: Promise<unknown>): Promise<boolean> {
  try {
    await attempt;
    return true;
  } catch (error) {
    if (error instanceof StrongroomError && error.code === 'DecryptionFailed') return false;
    throw error;
  }
}

let names = 0;

async function imported(material: KeyMaterial, operations?: readonly KeyOperation[]): Promise<{ name: string }> {
  const name = `vectors-${names++}`;
  await engine.importKey({ name, material, operations });
  return { name };
}

const OCT_OPERATIONS: KeyOperation[] = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify'];

function importedOct(key: Buffer): Promise<{ name: string }> {
  return imported(materialOf({ kty: 'oct', k: key.toString('base64url') }), OCT_OPERATIONS);
}

const octCache = new Map<string, Promise<{ name: string }>>();

function octOf(vector: Vector): Promise<{ name: string }> {
  const value = vector.key as string;
  const known = octCache.get(value) ?? importedOct(Buffer.from(value, 'hex'));
  octCache.set(value, known);
  return known;
}

const OCT_SIZES: readonly number[] = [128, 192, 256];

testVectors('aes_gcm', async ({ keySize, ivSize, tagSize }) => {
  if (!OCT_SIZES.includes(keySize) || ivSize !== 96 || tagSize !== 128) return undefined;
  return async (vector) => {
    const request = { key: await octOf(vector), algorithm: `A${keySize}GCM` as AlgorithmName };
    const [ciphertext, iv, aad, tag] = [hex(vector, 'ct'), hex(vector, 'iv'), hex(vector, 'aad'), hex(vector, 'tag')];
    return goesThrough(
      engine.decrypt({ ...request, ciphertext, iv, aad, tag }).then(({ plaintext }) => same(plaintext, vector, 'msg')),
    );
  };
});

testVectors('aes_cbc_pkcs5', async ({ keySize }) => async (vector) => {
  const request = { key: await octOf(vector), algorithm: `A${keySize}CBCPAD` as AlgorithmName, iv: hex(vector, 'iv') };
  if (vector.result === 'valid') {
    const { ciphertext } = await engine.encrypt({ ...request, plaintext: hex(vector, 'msg') });
    same(ciphertext, vector, 'ct');
  }
  return goesThrough(
    engine
      .decrypt({ ...request, ciphertext: hex(vector, 'ct') })
      .then(({ plaintext }) => same(plaintext, vector, 'msg')),
  );
});

testVectors('aes_wrap', async ({ keySize }) => async (vector) => {
  const request = { key: await octOf(vector), algorithm: `A${keySize}KW` as AlgorithmName };
  const message = hex(vector, 'msg');
  if (vector.result === 'valid' && message.length >= 16) {
    const { value } = await engine.wrapKey({ ...request, value: message });
    same(value, vector, 'ct');
  }
  return goesThrough(
    engine.unwrapKey({ ...request, value: hex(vector, 'ct') }).then(({ plaintext }) => same(plaintext, vector, 'msg')),
  );
});

testVectors('hmac_sha256', async ({ keySize, tagSize }) => {
  if (keySize !== 256 || tagSize !== 256) return undefined;
  return async (vector) => {
    const request = { key: await octOf(vector), algorithm: 'HS256', digest: hex(vector, 'msg') } as const;
    // Azure's HMAC takes at least one byte.
    if (request.digest.length === 0) return undefined;
    return (await engine.verify({ ...request, signature: hex(vector, 'tag') })).valid;
  };
});

function same(answer: Uint8Array, vector: Vector, field: string): void {
  if (Buffer.compare(answer, hex(vector, field)) !== 0) throw new Error(`${vector.tcId}: another ${field}`);
}

for (const [file, algorithm] of [
  ['rsa_oaep_2048_sha1_mgf1sha1', 'RSA-OAEP'],
  ['rsa_oaep_2048_sha256_mgf1sha256', 'RSA-OAEP-256'],
  ['rsa_pkcs1_2048', 'RSA1_5'],
] as const) {
  testVectors(file, async (group) => {
    const key = await imported(materialOfPkcs8(group));
    return async (vector) => {
      // Azure's OAEP has no label.
      if (typeof vector.label === 'string' && vector.label.length > 0) return undefined;
      const ciphertext = hex(vector, 'ct');
      return goesThrough(
        engine.decrypt({ key, algorithm, ciphertext }).then(({ plaintext }) => same(plaintext, vector, 'msg')),
      );
    };
  });
}

function materialOfPkcs8({ privateKeyPkcs8 }: Group): KeyMaterial {
  const der = Buffer.from(privateKeyPkcs8 as string, 'hex');
  return materialOf(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' }));
}

testVectors('rsa_pkcs1_2048_sig_gen', async (group) => {
  const { sha } = group;
  if (!(sha in RSA_BY_HASH)) return undefined;
  const key = await imported(materialOfPkcs8(group));
  return async (vector) => {
    const digest = createHash(sha).update(hex(vector, 'msg')).digest();
    const { signature } = await engine.sign({ key, algorithm: RSA_BY_HASH[sha] as AlgorithmName, digest });
    return Buffer.compare(signature, hex(vector, 'sig')) === 0;
  };
});

const RSA_BY_HASH: Readonly<Record<string, AlgorithmName>> = {
  'SHA-256': 'RS256',
  'SHA-384': 'RS384',
  'SHA-512': 'RS512',
};

/**
 * A key version of which there is the public half alone: the vectors that verify have no other. It is stored as the engine would
 * store it, under its seal.
 */
async function publicKeyOnly(publicKey: Exclude<PublicKey, { keyType: 'oct-HSM' }>): Promise<{ name: string }> {
  const name = `vectors-${names++}`;
  const record: KeyVersionRecord = {
    name,
    version: names.toString(16).padStart(32, '0'),
    spec:
      publicKey.keyType === 'EC-HSM'
        ? { keyType: 'EC-HSM', curve: publicKey.curve }
        : { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 },
    custody: 'wrapped',
    operations: ['verify'],
    enabled: true,
    notBefore: undefined,
    expires: undefined,
    created: 1,
    updated: 1,
    exportable: false,
    releasePolicy: undefined,
    tags: {},
    publicKey,
    wrappedKey: undefined,
    objectId: Buffer.from(names.toString(16).padStart(32, '0'), 'hex'),
    revision: 1,
  };
  const key: KeyRecord = {
    name,
    newest: record.version,
    versions: 1,
    deletion: undefined,
    rotationPolicy: undefined,
    rotationDue: undefined,
    revision: 1,
  };
  const { pool, store } = opened;
  await store.changeKey(
    {
      name,
      expectedRevision: undefined,
      key: { record: key, seal: await pool.seal(sealedKeyBytes(key)) },
      versions: [{ record, seal: await pool.seal(sealedKeyVersionBytes(record)) }],
    },
    { keys: 100_000, versionsPerKey: 1 },
  );
  return { name };
}

function verifies(algorithm: AlgorithmName, key: { name: string }, sha: string): (vector: Vector) => Promise<boolean> {
  return async (vector) => {
    const digest = createHash(sha).update(hex(vector, 'msg')).digest();
    return (await engine.verify({ key, algorithm, digest, signature: hex(vector, 'sig') })).valid;
  };
}

const bytesOf = (text: unknown): Uint8Array => new Uint8Array(Buffer.from(text as string, 'hex'));
const withoutSign = (integer: Uint8Array): Uint8Array => (integer[0] === 0 ? integer.subarray(1) : integer);

testVectors('ecdsa_secp256r1_sha256_p1363', async ({ publicKey, sha }) => {
  const point = bytesOf((publicKey as { uncompressed: string }).uncompressed);
  const [x, y] = [point.subarray(1, 33), point.subarray(33)];
  return verifies('ES256', await publicKeyOnly({ keyType: 'EC-HSM', curve: 'P-256', x, y }), sha);
});

for (const [file, algorithm] of [
  ['rsa_pss_2048_sha256_mgf1_32', 'PS256'],
  ['rsa_signature_2048_sha256', 'RS256'],
  ['rsa_signature_2048_sha512', 'RS512'],
] as const) {
  testVectors(file, async ({ publicKey, sha }) => {
    const { modulus, publicExponent } = publicKey as { modulus: string; publicExponent: string };
    const key = await publicKeyOnly({
      keyType: 'RSA-HSM',
      modulus: withoutSign(bytesOf(modulus)),
      publicExponent: withoutSign(bytesOf(publicExponent)),
    });
    return verifies(algorithm, key, sha);
  });
}
