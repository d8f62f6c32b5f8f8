import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { KeyEngine } from '../../src/engine/key_engine.ts';
import type { BatchItem } from '../../src/engine/requests.ts';
import { ALGORITHMS, type Algorithm, type AlgorithmName } from '../../src/model/algorithm.ts';
import type { ErrorCode, StrongroomError } from '../../src/model/errors.ts';
import type { KeySpec } from '../../src/model/key.ts';
import { KEY_OPERATIONS, type KeyOperation } from '../../src/model/key_operation.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';

let token: TestToken;
let opened: TestEngine;
let engine: KeyEngine;
/** Stands still at the time that the tests set. */
let now = 1_800_000_000_000;

const SPECS: Readonly<Record<string, KeySpec>> = {
  rsa: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 },
  p256: { keyType: 'EC-HSM', curve: 'P-256' },
  p384: { keyType: 'EC-HSM', curve: 'P-384' },
  oct128: { keyType: 'oct-HSM', size: 128 },
  oct256: { keyType: 'oct-HSM', size: 256 },
};
const OCT_OPERATIONS: KeyOperation[] = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify'];

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine({ clock: () => now });
  engine = opened.engine;
  for (const [name, spec] of Object.entries(SPECS)) {
    await engine.createKey({ name, spec, operations: spec.keyType === 'oct-HSM' ? OCT_OPERATIONS : undefined });
  }
});

test.after.always(() => token.close());

const bytes = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
const ref = (name: string) => ({ key: { name } });

function perform({ operation, ...request }: BatchItem): Promise<unknown> {
  return (engine[operation] as (request: unknown) => Promise<unknown>).call(engine, request);
}

/** Alone and as an item of a batch, the same answer. */
async function refusedBothWays(
  t: Parameters<typeof refused>[0],
  item: BatchItem,
  code: ErrorCode,
  innerCode?: string,
): Promise<StrongroomError> {
  const what = JSON.stringify({ ...item, length: 0 }, (_, value: unknown) =>
    value instanceof Uint8Array ? `${value.length} bytes` : value,
  );
  const error = await refused(t, perform(item), code, innerCode, what);
  const [result] = await engine.batch([item]);
  t.like(result, { ok: false }, what);
  const inBatch = result?.ok === false ? (result.error as StrongroomError) : undefined;
  t.deepEqual([inBatch?.code, inBatch?.message], [error.code, error.message], what);
  return error;
}

const DIGEST_LENGTHS: readonly [string, AlgorithmName, number][] = [
  ['rsa', 'RS256', 32],
  ['rsa', 'RS384', 48],
  ['rsa', 'RS512', 64],
  ['rsa', 'PS256', 32],
  ['rsa', 'PS384', 48],
  ['rsa', 'PS512', 64],
  ['p256', 'ES256', 32],
  ['p384', 'ES384', 48],
];

for (const [name, algorithm, length] of DIGEST_LENGTHS) {
  test(`${algorithm} takes a digest of ${length} bytes and of no other length`, async (t) => {
    for (const other of [0, 1, length - 1, length + 1, 20, LIMITS.operationInputBytes + 1]) {
      const sign = { operation: 'sign', ...ref(name), algorithm, digest: bytes(other) } as const;
      const error = await refusedBothWays(t, sign, 'BadParameter');
      t.is(error.message, `Expected ${length} bytes for digest, received ${other} bytes.`);
      await refusedBothWays(t, { ...sign, operation: 'verify', signature: bytes(64) }, 'BadParameter');
    }
  });
}

function anOperation(key: { name: string }, { name: algorithm, operations }: Algorithm): BatchItem {
  if (operations.has('sign')) return { operation: 'sign', key, algorithm, digest: bytes(32) };
  if (operations.has('encrypt')) return { operation: 'encrypt', key, algorithm, plaintext: bytes(32) };
  return { operation: 'wrapKey', key, algorithm, value: bytes(32) };
}

test('an algorithm is refused by every key that it does not fit', async (t) => {
  for (const [name, spec] of Object.entries(SPECS)) {
    for (const algorithm of ALGORITHMS.values()) {
      const size = 'size' in spec ? spec.size : 0;
      const fits =
        algorithm.keyType === spec.keyType &&
        (algorithm.curve === undefined || ('curve' in spec && algorithm.curve === spec.curve)) &&
        (spec.keyType !== 'oct-HSM' ||
          ((algorithm.keySize ?? size) === size && (algorithm.minimumKeySize ?? 0) <= size));
      if (fits) continue;
      const key = { name };
      const item = anOperation(key, algorithm);
      if (spec.keyType === 'EC-HSM' && item.operation !== 'sign') {
        await refusedBothWays(t, item, 'Forbidden', 'KeyOperationForbidden');
      } else {
        await refusedBothWays(t, item, 'BadParameter');
      }
    }
  }
});

test('an algorithm is refused by every operation that it is not for, and one that does not exist by all', async (t) => {
  const value = bytes(32);
  const items: BatchItem[] = [
    { operation: 'sign', ...ref('rsa'), algorithm: 'RSA-OAEP', digest: value },
    { operation: 'verify', ...ref('rsa'), algorithm: 'RSA1_5', digest: value, signature: value },
    { operation: 'encrypt', ...ref('rsa'), algorithm: 'RS256', plaintext: value },
    { operation: 'decrypt', ...ref('rsa'), algorithm: 'PS256', ciphertext: value },
    { operation: 'wrapKey', ...ref('oct256'), algorithm: 'A256GCM', value },
    { operation: 'unwrapKey', ...ref('oct256'), algorithm: 'A256CBC', value },
    { operation: 'encrypt', ...ref('oct256'), algorithm: 'A256KW', plaintext: value },
    { operation: 'encrypt', ...ref('oct256'), algorithm: 'HS256', plaintext: value },
    { operation: 'sign', ...ref('oct256'), algorithm: 'A256GCM', digest: value },
    { operation: 'sign', ...ref('oct256'), algorithm: 'MD5' as AlgorithmName, digest: value },
    { operation: 'sign', ...ref('oct256'), algorithm: 'hs256' as AlgorithmName, digest: value },
  ];
  for (const item of items) await refusedBothWays(t, item, 'BadParameter');
});

test('what is longer or shorter than an algorithm takes is refused before it reaches the HSM', async (t) => {
  const long = LIMITS.operationInputBytes + 1;
  const items: BatchItem[] = [
    ...[0, 246, long].map(
      (length) => ({ operation: 'sign', ...ref('rsa'), algorithm: 'RSNULL', digest: bytes(length) }) as const,
    ),
    ...[0, long].map(
      (length) => ({ operation: 'sign', ...ref('oct256'), algorithm: 'HS256', digest: bytes(length) }) as const,
    ),
    { operation: 'encrypt', ...ref('rsa'), algorithm: 'RSA1_5', plaintext: bytes(246) },
    { operation: 'encrypt', ...ref('rsa'), algorithm: 'RSA-OAEP', plaintext: bytes(215) },
    { operation: 'wrapKey', ...ref('rsa'), algorithm: 'RSA-OAEP-256', value: bytes(191) },
    ...[0, 15, 17, long, LIMITS.operationInputBytes + 16].map(
      (length) => ({ operation: 'encrypt', ...ref('oct256'), algorithm: 'A256CBC', plaintext: bytes(length) }) as const,
    ),
    { operation: 'encrypt', ...ref('oct256'), algorithm: 'A256CBCPAD', plaintext: bytes(long) },
    { operation: 'encrypt', ...ref('oct256'), algorithm: 'A256GCM', plaintext: bytes(long) },
    {
      operation: 'encrypt',
      ...ref('oct256'),
      algorithm: 'A256GCM',
      plaintext: bytes(1),
      aad: bytes(LIMITS.aadBytes + 1),
    },
    ...[0, 8, 15, 17, 20, long].map(
      (length) => ({ operation: 'wrapKey', ...ref('oct256'), algorithm: 'A256KW', value: bytes(length) }) as const,
    ),
    { operation: 'wrapKey', ...ref('oct256'), algorithm: 'CKM_AES_KEY_WRAP_PAD', value: bytes(0) },
    { operation: 'decrypt', ...ref('oct256'), algorithm: 'A256CBC', ciphertext: bytes(long + 16), iv: bytes(16) },
    { operation: 'unwrapKey', ...ref('oct256'), algorithm: 'A256KW', value: bytes(long + 16) },
  ];
  for (const item of items) await refusedBothWays(t, item, 'BadParameter');
});

test('initialisation vectors, additional data and tags are taken where they belong and in their length', async (t) => {
  const gcm = { operation: 'encrypt', ...ref('oct256'), algorithm: 'A256GCM', plaintext: bytes(16) } as const;
  const cbc = { ...gcm, algorithm: 'A256CBC' } as const;
  const rsa = { ...gcm, ...ref('rsa'), algorithm: 'RSA-OAEP' } as const;
  const open = { operation: 'decrypt', ...ref('oct256'), algorithm: 'A256GCM', ciphertext: bytes(16) } as const;
  const openCbc = { ...open, algorithm: 'A256CBC' } as const;
  const items: BatchItem[] = [
    { ...gcm, iv: bytes(12) },
    { ...cbc, iv: bytes(12) },
    { ...cbc, iv: bytes(0) },
    { ...cbc, iv: bytes(16), aad: bytes(1) },
    { ...rsa, iv: bytes(16) },
    { ...rsa, aad: bytes(1) },
    { ...open },
    { ...open, iv: bytes(12) },
    { ...open, tag: bytes(16) },
    { ...open, iv: bytes(16), tag: bytes(16) },
    { ...open, iv: bytes(12), tag: bytes(12) },
    { ...open, iv: bytes(12), tag: bytes(0) },
    { ...open, iv: bytes(12), tag: bytes(16), aad: bytes(LIMITS.aadBytes + 1) },
    { ...openCbc },
    { ...openCbc, iv: bytes(12) },
    { ...openCbc, iv: bytes(16), tag: bytes(16) },
    { ...openCbc, iv: bytes(16), aad: bytes(1) },
    { operation: 'decrypt', ...ref('rsa'), algorithm: 'RSA-OAEP', ciphertext: bytes(256), iv: bytes(16) },
  ];
  for (const item of items) await refusedBothWays(t, item, 'BadParameter');
});

test('whatever is wrong with a ciphertext, the answer is the same', async (t) => {
  const value = bytes(32);
  const { ciphertext, iv, tag } = await engine.encrypt({ ...ref('oct256'), algorithm: 'A256GCM', plaintext: value });
  const zeros = new Uint8Array(256);
  const items: BatchItem[] = [
    { operation: 'decrypt', ...ref('oct256'), algorithm: 'A256GCM', ciphertext: ciphertext.subarray(1), iv, tag },
    { operation: 'decrypt', ...ref('oct256'), algorithm: 'A256GCM', ciphertext, iv, tag: bytes(16) },
    { operation: 'decrypt', ...ref('oct256'), algorithm: 'A256GCM', ciphertext: bytes(0), iv, tag },
    ...[0, 1, 15, 16, 17, 32].map(
      (length) =>
        ({
          operation: 'decrypt',
          ...ref('oct256'),
          algorithm: 'A256CBCPAD',
          ciphertext: new Uint8Array(length),
          iv: new Uint8Array(16),
        }) as const,
    ),
    { operation: 'decrypt', ...ref('oct256'), algorithm: 'A256CBC', ciphertext: bytes(17), iv: bytes(16) },
    ...(['A256KW', 'CKM_AES_KEY_WRAP', 'CKM_AES_KEY_WRAP_PAD'] as const).flatMap((algorithm) =>
      [0, 8, 16, 23, 24, 40].map(
        (length) => ({ operation: 'unwrapKey', ...ref('oct256'), algorithm, value: bytes(length) }) as const,
      ),
    ),
    ...(['RSA1_5', 'RSA-OAEP', 'RSA-OAEP-256'] as const).flatMap((algorithm) => [
      ...[0, 1, 255, 257, 512].map(
        (length) => ({ operation: 'decrypt', ...ref('rsa'), algorithm, ciphertext: new Uint8Array(length) }) as const,
      ),
      { operation: 'decrypt', ...ref('rsa'), algorithm, ciphertext: zeros } as const,
      { operation: 'unwrapKey', ...ref('rsa'), algorithm, value: zeros.map(() => 0xff) } as const,
      { operation: 'unwrapKey', ...ref('rsa'), algorithm, value: zeros.map((_, at) => (at === 255 ? 2 : 0)) } as const,
    ]),
  ];
  const messages = new Set<string>();
  for (const item of items) messages.add((await refusedBothWays(t, item, 'DecryptionFailed')).message);
  t.deepEqual([...messages], ['The value could not be decrypted.']);
});

test('bad ciphertexts and signatures in their thousands leave the HSM as it was', async (t) => {
  const digest = bytes(32);
  for (let round = 0; round < 10; round++) {
    const results = await engine.batch(
      Array.from({ length: 100 }, (_, index): BatchItem[] => [
        { operation: 'decrypt', ...ref('rsa'), algorithm: index % 2 ? 'RSA-OAEP' : 'RSA1_5', ciphertext: bytes(256) },
        { operation: 'unwrapKey', ...ref('oct256'), algorithm: 'A256KW', value: bytes(40) },
        { operation: 'verify', ...ref('p256'), algorithm: 'ES256', digest, signature: bytes(64) },
      ]).flat(),
    );
    for (const result of results) {
      if (result.ok) t.false((result.result as { valid: boolean }).valid);
      else t.is((result.error as StrongroomError).code, 'DecryptionFailed');
    }
  }
  const { pool } = engine.status();
  t.is(pool.state, 'ready');
  t.deepEqual(pool.ended, []);
});

test('each key operation is refused on a key that does not have it', async (t) => {
  const value = bytes(32);
  const items: Record<Exclude<KeyOperation, 'import' | 'export'>, BatchItem> = {
    sign: { operation: 'sign', ...ref(''), algorithm: 'RS256', digest: value },
    verify: { operation: 'verify', ...ref(''), algorithm: 'RS256', digest: value, signature: bytes(256) },
    encrypt: { operation: 'encrypt', ...ref(''), algorithm: 'RSA-OAEP', plaintext: value },
    decrypt: { operation: 'decrypt', ...ref(''), algorithm: 'RSA-OAEP', ciphertext: bytes(256) },
    wrapKey: { operation: 'wrapKey', ...ref(''), algorithm: 'RSA-OAEP', value },
    unwrapKey: { operation: 'unwrapKey', ...ref(''), algorithm: 'RSA-OAEP', value: bytes(256) },
  };
  for (const [lacking, item] of Object.entries(items)) {
    const name = `without-${lacking}`;
    const operations = KEY_OPERATIONS.filter((each) => each !== lacking && each !== 'import');
    await engine.createKey({ name, spec: SPECS.rsa as KeySpec, operations });
    const error = await refusedBothWays(t, { ...item, key: { name } }, 'Forbidden', 'KeyOperationForbidden');
    t.is(error.message, `Operation ${lacking} is not permitted on this key.`);
  }
});

test('a disabled key version does nothing', async (t) => {
  const key = { name: 'disabled' };
  await engine.createKey({ ...key, spec: { keyType: 'EC-HSM', curve: 'P-256' }, enabled: false });
  const sign = { operation: 'sign', key, algorithm: 'ES256', digest: bytes(32) } as const;
  const error = await refusedBothWays(t, sign, 'Forbidden', 'KeyDisabled');
  t.is(error.message, 'Operation sign is not allowed on a disabled key.');
  await refusedBothWays(t, { ...sign, operation: 'verify', signature: bytes(64) }, 'Forbidden', 'KeyDisabled');
  t.false((await engine.getKey(key)).enabled);
});

test('outside of its dates a key signs and encrypts no more, but verifies and decrypts', async (t) => {
  const seconds = 1_800_000_000;
  const leeway = LIMITS.keyDateLeewaySeconds;
  const key = { name: 'dated' };
  const value = bytes(32);
  const spec: KeySpec = { keyType: 'oct-HSM', size: 256 };
  await engine.createKey({ ...key, spec, operations: OCT_OPERATIONS, notBefore: seconds, expires: seconds + 1_000 });
  now = seconds * 1000;
  const { signature } = await engine.sign({ key, algorithm: 'HS256', digest: value });
  const sealed = await engine.encrypt({ key, algorithm: 'A256GCM', plaintext: value });
  const { value: wrapped } = await engine.wrapKey({ key, algorithm: 'A256KW', value });
  for (const [at, innerCode] of [
    [seconds - leeway - 1, 'KeyNotYetValid'],
    [seconds - leeway, undefined],
    [seconds + 1_000 + leeway - 1, undefined],
    [seconds + 1_000 + leeway, 'KeyExpired'],
  ] as const) {
    now = at * 1000;
    const bound: BatchItem[] = [
      { operation: 'sign', key, algorithm: 'HS256', digest: value },
      { operation: 'encrypt', key, algorithm: 'A256GCM', plaintext: value },
      { operation: 'wrapKey', key, algorithm: 'A256KW', value },
    ];
    for (const item of bound) {
      if (innerCode === undefined) await t.notThrowsAsync(perform(item));
      else await refusedBothWays(t, item, 'Forbidden', innerCode);
    }
    t.true((await engine.verify({ key, algorithm: 'HS256', digest: value, signature })).valid);
    const { ciphertext, iv, tag } = sealed;
    t.deepEqual((await engine.decrypt({ key, algorithm: 'A256GCM', ciphertext, iv, tag })).plaintext, value);
    t.deepEqual((await engine.unwrapKey({ key, algorithm: 'A256KW', value: wrapped })).plaintext, value);
  }
});

test('what names no key is refused, and a key that is not there is not found', async (t) => {
  const sign = { operation: 'sign', algorithm: 'ES256', digest: bytes(32) } as const;
  for (const name of ['', 'a b', 'a/b', 'ü', 'a'.repeat(128), 7 as unknown as string]) {
    await refusedBothWays(t, { ...sign, key: { name } }, 'BadParameter');
  }
  await refusedBothWays(t, { ...sign, key: { name: 'p256', version: 'latest' } }, 'BadParameter');
  await refusedBothWays(t, { ...sign, key: { name: 'nowhere' } }, 'KeyNotFound');
  await refusedBothWays(t, { ...sign, key: { name: 'p256', version: 'f'.repeat(32) } }, 'KeyNotFound');
  await refused(t, engine.getKey({ name: 'nowhere' }), 'KeyNotFound');
});

test('random bytes come in any number up to the maximum', async (t) => {
  for (const count of [1, 128, LIMITS.operationInputBytes]) {
    const random = await engine.randomBytes(count);
    t.is(random.length, count);
  }
  t.notDeepEqual(await engine.randomBytes(16), await engine.randomBytes(16));
  for (const count of [0, -1, 1.5, Number.NaN, LIMITS.operationInputBytes + 1, '8' as unknown as number]) {
    await refused(t, engine.randomBytes(count), 'BadParameter');
  }
});
