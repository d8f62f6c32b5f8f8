import { createSecretKey, type JsonWebKey, randomBytes } from 'node:crypto';
import test from 'ava';
import { inputBounds, type LengthBounds } from '../../src/engine/input_bounds.ts';
import { ALGORITHMS, type Algorithm } from '../../src/model/algorithm.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { CURVES, type KeyMaterial, type KeySpec, OCT_SIZES, RSA_SIZES } from '../../src/model/key.ts';
import type { KeyOperation } from '../../src/model/key_operation.ts';
import { campaign } from '../campaigns/campaign.ts';
import { materialOf, nodeEcPair, nodeRsaPair } from '../fixtures/key_material.ts';
import {
  type NodeCipher,
  type NodeKey,
  type NodeSignature,
  nodeAlgorithm,
  type Sealed,
} from '../fixtures/node_algorithms.ts';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';

const AT_ONCE = 48;
const MOST_TOLD = 5;
const SPOILT_SHARE = 0.3;

interface SharedKey {
  readonly name: string;
  readonly bits: number;
  readonly spec: KeySpec;
  readonly node: NodeKey;
  readonly jwk: JsonWebKey;
}

/** One operation with one algorithm and one key: how often each is done is not left to chance. */
interface Combination {
  readonly key: SharedKey;
  readonly algorithm: Algorithm;
  readonly operation: KeyOperation;
}

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});

test.after.always(() => token?.close());

/** Keys that both sides have. They are new each time: node:crypto makes none out of a seed. */
async function importKeys(): Promise<SharedKey[]> {
  const keys: SharedKey[] = [];
  const add = async (name: string, bits: number, node: NodeKey, operations: readonly KeyOperation[]): Promise<void> => {
    const jwk = node.privateKey.export({ format: 'jwk' });
    const material: KeyMaterial = materialOf(jwk);
    const { spec } = await opened.engine.importKey({ name, material, operations });
    keys.push({ name, bits, spec, node, jwk });
  };
  const all: readonly KeyOperation[] = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'];
  for (const size of RSA_SIZES) await add(`rsa-${size}`, size, nodeRsaPair(size), all);
  await add('rsa-2048-3', 2048, nodeRsaPair(2048, 3), all);
  for (const curve of CURVES) await add(`ec-${curve}`, 0, nodeEcPair(curve), ['sign', 'verify']);
  for (const size of OCT_SIZES) {
    const secret = createSecretKey(randomBytes(size / 8));
    await add(`oct-${size}`, size, { publicKey: secret, privateKey: secret }, all);
  }
  return keys;
}

function isFor({ keyType, curve, keySize, minimumKeySize = 0 }: Algorithm, { spec, bits }: SharedKey): boolean {
  if (keyType !== spec.keyType) return false;
  if (spec.keyType === 'EC-HSM') return curve === spec.curve;
  return (keySize ?? bits) === bits && minimumKeySize <= bits;
}

function combinationsOf(keys: readonly SharedKey[]): Combination[] {
  return keys.flatMap((key) =>
    [...ALGORITHMS.values()]
      .filter((algorithm) => isFor(algorithm, key))
      .flatMap((algorithm) => [...algorithm.operations].map((operation) => ({ key, algorithm, operation }))),
  );
}

/** Most are short, many at the edges of what is allowed, a few as long as can be. */
function randomLength(random: SeededRandom, { minimum, maximum, multipleOf }: LengthBounds): number {
  const choice = random.integer(0, 19);
  let length = random.integer(minimum, Math.min(minimum + 80, maximum));
  if (choice < 2) length = minimum;
  else if (choice === 2) length = maximum;
  else if (choice === 3) length = random.integer(minimum, maximum);
  else if (choice < 7) length = random.integer(minimum, Math.min(minimum + 1_500, maximum));
  return Math.max(minimum, length - (length % multipleOf));
}

function boundsOf({ key, algorithm, operation }: Combination): LengthBounds {
  const modulusBytes = key.spec.keyType === 'RSA-HSM' ? key.bits / 8 : 0;
  const enciphers = operation === 'encrypt' || operation === 'wrapKey';
  // What the token takes in may be less than what the algorithm has; what comes back to be opened may come from elsewhere.
  const rule = enciphers ? opened.pool.realisation(algorithm.name)?.input : undefined;
  return inputBounds(rule ?? algorithm.input, modulusBytes);
}

/** With one bit, one byte or nothing of it changed. */
function spoilt(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length > 0) copy[random.integer(0, copy.length - 1)]! ^= 1 << random.integer(0, 7);
  return copy;
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** Undefined where both agree, otherwise what differs. */
async function compareSignature(
  combination: Combination,
  node: NodeSignature,
  random: SeededRandom,
): Promise<string | undefined> {
  const { key, algorithm, operation } = combination;
  const { engine } = opened;
  // The engine has the digest of a message that node:crypto hashes itself, so its bounds are those of the digest.
  const message = random.bytes(randomLength(random, hashes(algorithm) ? MESSAGE_BOUNDS : boundsOf(combination)));
  const request = { key, algorithm: algorithm.name, digest: node.input(message) };
  if (operation === 'sign') {
    const { signature } = await engine.sign(request);
    if (!node.verify(key.node, message, signature)) return `${hex(signature)} is no signature of ${hex(message)}`;
    if (!node.deterministic) return undefined;
    const expected = node.sign(key.node, message);
    return same(signature, expected) ? undefined : `${hex(signature)} in place of ${hex(expected)} for ${hex(message)}`;
  }
  const genuine = node.sign(key.node, message);
  const signature = random.chance(SPOILT_SHARE) ? spoilt(random, genuine) : genuine;
  const { valid } = await engine.verify({ ...request, signature });
  const expected = node.verify(key.node, message, signature);
  return valid === expected ? undefined : `${valid} in place of ${expected} for ${hex(signature)} of ${hex(message)}`;
}

const MESSAGE_BOUNDS = inputBounds({}, 0);
const hashes = ({ input }: Algorithm): boolean => input.exact !== undefined;

async function compareEncryption(
  combination: Combination,
  node: NodeCipher,
  random: SeededRandom,
): Promise<string | undefined> {
  const { key, algorithm, operation } = combination;
  const plaintext = random.bytes(randomLength(random, boundsOf(combination)));
  const aad = random.bytes(node.takesAad && random.chance(0.5) ? random.integer(0, 200) : 0);
  const givenIv =
    algorithm.initialisationVector?.source === 'caller' && random.chance(0.7) ? random.bytes(node.ivBytes) : undefined;
  const sealed = await encipher(combination, plaintext, { iv: givenIv, aad: node.takesAad ? aad : undefined });
  if (givenIv !== undefined && !same(sealed.iv ?? new Uint8Array(0), givenIv)) return `another IV than ${hex(givenIv)}`;
  const back = node.decrypt(key.node, { ...sealed, aad });
  if (back === undefined || !same(back, plaintext)) return `${operation} of ${hex(plaintext)} gave ${told(sealed)}`;
  if (!node.deterministic) return undefined;
  const expected = node.encrypt(key.node, plaintext, sealed.iv ?? new Uint8Array(0), aad);
  const agree = same(sealed.ciphertext, expected.ciphertext) && hex(sealed.tag) === hex(expected.tag);
  return agree ? undefined : `${told(sealed)} in place of ${told(expected)} for ${hex(plaintext)}`;
}

async function compareDecryption(
  combination: Combination,
  node: NodeCipher,
  random: SeededRandom,
): Promise<string | undefined> {
  const { key } = combination;
  const plaintext = random.bytes(randomLength(random, boundsOf(combination)));
  const aad = random.bytes(node.takesAad && random.chance(0.5) ? random.integer(0, 200) : 0);
  let sealed = node.encrypt(key.node, plaintext, random.bytes(node.ivBytes), aad);
  if (!node.hidesFailure && random.chance(SPOILT_SHARE)) sealed = spoiltSomewhere(random, sealed);
  const expected = node.decrypt(key.node, sealed);
  const received = await decipher(combination, sealed);
  if (expected === undefined) return received === undefined ? undefined : `${hex(received)} out of ${told(sealed)}`;
  if (received !== undefined && same(received, expected)) return undefined;
  return `${received === undefined ? 'nothing' : hex(received)} in place of ${hex(expected)} out of ${told(sealed)}`;
}

const SEALED_PARTS = ['ciphertext', 'iv', 'aad', 'tag'] as const;

function spoiltSomewhere(random: SeededRandom, sealed: Sealed): Sealed {
  const parts = SEALED_PARTS.filter((part) => (sealed[part]?.length ?? 0) > 0);
  const part = random.pick(parts);
  return { ...sealed, [part]: spoilt(random, sealed[part] as Uint8Array) };
}

const told = (sealed: Sealed): string => SEALED_PARTS.map((part) => `${part} ${hex(sealed[part])}`).join(', ');

async function encipher(
  { key, algorithm: { name: algorithm }, operation }: Combination,
  plaintext: Uint8Array,
  beside: Pick<Sealed, 'iv' | 'aad'>,
): Promise<Sealed> {
  if (operation === 'encrypt') return opened.engine.encrypt({ key, algorithm, plaintext, ...beside });
  return { ciphertext: (await opened.engine.wrapKey({ key, algorithm, value: plaintext })).value };
}

/** Undefined where the engine refuses. */
async function decipher(combination: Combination, sealed: Sealed): Promise<Uint8Array | undefined> {
  const {
    key,
    algorithm: { name: algorithm },
    operation,
  } = combination;
  try {
    const { plaintext } =
      operation === 'decrypt'
        ? await opened.engine.decrypt({ key, algorithm, ...sealed })
        : await opened.engine.unwrapKey({ key, algorithm, value: sealed.ciphertext });
    return plaintext;
  } catch (error) {
    if (error instanceof StrongroomError && error.code === 'DecryptionFailed') return undefined;
    throw error;
  }
}

async function difference(combination: Combination, random: SeededRandom): Promise<string | undefined> {
  const { key, algorithm, operation } = combination;
  const node = nodeAlgorithm(algorithm.name, key.bits);
  try {
    if (node.kind === 'signature') return await compareSignature(combination, node, random);
    const enciphers = operation === 'encrypt' || operation === 'wrapKey';
    return await (enciphers ? compareEncryption : compareDecryption)(combination, node, random);
  } catch (error) {
    return `it failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

campaign('random_operations', async (t, campaignRun) => {
  const { seed, count } = campaignRun;
  const combinations = combinationsOf(await importKeys());
  const covered = new Set(combinations.map(({ algorithm }) => algorithm.name));
  // No oct-HSM key is as long as these digests, and tokens want one that is.
  const withoutKey = [...ALGORITHMS.keys()].filter((name) => !covered.has(name));
  t.deepEqual(withoutKey, ['HS384', 'HS512']);
  const cases: Combination[] = [];
  while (cases.length < count) cases.push(...campaignRun.random.shuffled(combinations));
  cases.length = count;

  const differences: string[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < cases.length && differences.length < MOST_TOLD) {
      const index = next++;
      const combination = cases[index] as Combination;
      const found = await difference(combination, new SeededRandom(seed + index));
      if (found === undefined) continue;
      const { key, algorithm, operation } = combination;
      differences.push(
        `${index}: ${operation} ${algorithm.name} ${key.name}: ${found}; the key is ${JSON.stringify(key.jwk)}`,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
  campaignRun.done = next;
  campaignRun.measure('combinations', combinations.length);
  for (const each of differences) campaignRun.fail(each);
});
