import {
  constants,
  createCipheriv,
  createHash,
  type KeyPairKeyObjectResult,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import type { Sealed } from '../fixtures/node_algorithms.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';

const MODULUS_BYTES = 256;
const BLOCK_BYTES = 16;

/** Both of them are in the token as well. */
export interface OracleKeys {
  readonly rsa: KeyPairKeyObjectResult;
  /** Of 256 bits. */
  readonly secret: Buffer;
}

/** A way in which what is to be decrypted is wrong, out of which an oracle would be made were it told from the others. */
export interface BadCiphertext {
  readonly algorithm: AlgorithmName;
  readonly key: 'rsa' | 'oct';
  readonly fault: string;
  make(keys: OracleKeys, random: SeededRandom): Sealed;
}

/** What RFC 8017 §7.1.1 makes of a message, with a place for each mistake. */
interface OaepBlock {
  firstByte?: number;
  label?: string;
  separator?: number;
  padding?: number;
}

const HASHES = { 'RSA-OAEP': 'sha1', 'RSA-OAEP-256': 'sha256' } as const;

function mask(hash: string, seed: Uint8Array, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let counter = 0; Buffer.concat(parts).length < length; counter++) {
    const index = Buffer.alloc(4);
    index.writeUInt32BE(counter);
    parts.push(createHash(hash).update(seed).update(index).digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

function exclusiveOr(one: Uint8Array, other: Uint8Array): Buffer {
  return Buffer.from(one.map((byte, index) => byte ^ (other[index] as number)));
}

function oaepBlock(algorithm: keyof typeof HASHES, random: SeededRandom, wrong: OaepBlock): Buffer {
  const { firstByte = 0, label = '', separator = 1, padding = 0 } = wrong;
  const hash = HASHES[algorithm];
  const labelHash = createHash(hash).update(label).digest();
  const message = random.bytes(32);
  // Neither zero nor one, which would be a separator where there is none.
  message[0] = (message[0] as number) | 2;
  const zeros = Buffer.alloc(MODULUS_BYTES - message.length - 2 * labelHash.length - 2, padding);
  const block = Buffer.concat([labelHash, zeros, Uint8Array.of(separator), message]);
  const seed = random.bytes(labelHash.length);
  const masked = exclusiveOr(block, mask(hash, seed, block.length));
  const maskedSeed = exclusiveOr(seed, mask(hash, masked, seed.length));
  return Buffer.concat([Uint8Array.of(firstByte), maskedSeed, masked]);
}

function rawRsa({ rsa }: OracleKeys, block: Uint8Array): Sealed {
  return { ciphertext: publicEncrypt({ key: rsa.publicKey, padding: constants.RSA_NO_PADDING }, block) };
}

const oaep = (algorithm: keyof typeof HASHES, fault: string, wrong: OaepBlock): BadCiphertext => ({
  algorithm,
  key: 'rsa',
  fault,
  make: (keys, random) => rawRsa(keys, oaepBlock(algorithm, random, wrong)),
});

const randomRsa = (algorithm: keyof typeof HASHES): BadCiphertext => ({
  algorithm,
  key: 'rsa',
  fault: 'chance',
  make: (_keys, random) => ({ ciphertext: Uint8Array.of(0, ...random.bytes(MODULUS_BYTES - 1)) }),
});

const OAEP_KINDS = (['RSA-OAEP', 'RSA-OAEP-256'] as const).flatMap((algorithm) => [
  // Manger's oracle is the first one against the rest.
  oaep(algorithm, 'the first byte is not zero', { firstByte: 1 }),
  oaep(algorithm, 'the hash of another label', { label: 'another' }),
  oaep(algorithm, 'no separator', { separator: 0 }),
  oaep(algorithm, 'something else than zeros before the separator', { padding: 7 }),
  oaep(algorithm, 'everything is wrong', { firstByte: 1, label: 'another', separator: 2, padding: 3 }),
  randomRsa(algorithm),
]);

/** What RFC 8017 §7.2.1 makes of a message. Nothing in it is zero but what has to be. */
function pkcs1Block(random: SeededRandom): Buffer {
  const nonZero = random.bytes(MODULUS_BYTES).map((byte) => byte | 1);
  nonZero.set([0, 2]);
  nonZero[MODULUS_BYTES - 33] = 0;
  return Buffer.from(nonZero);
}

const pkcs1 = (fault: string, spoil: (block: Buffer) => void): BadCiphertext => ({
  algorithm: 'RSA1_5',
  key: 'rsa',
  fault,
  make: (keys, random) => {
    const block = pkcs1Block(random);
    spoil(block);
    return rawRsa(keys, block);
  },
});

/** Bleichenbacher's oracle, and what others have told apart after him. A padding that is right is no fault, and nothing hides it. */
const PKCS1_KINDS = [
  pkcs1('the first byte is not zero', (block) => block.writeUInt8(1, 0)),
  pkcs1('the block is not of type 2', (block) => block.writeUInt8(1, 1)),
  pkcs1('no zero ends the padding', (block) => block.writeUInt8(7, MODULUS_BYTES - 33)),
  pkcs1('the padding is shorter than 8 bytes', (block) => block.writeUInt8(0, 5)),
  pkcs1('everything is wrong', (block) => {
    block.writeUInt16BE(0x0103, 0);
    block.writeUInt8(7, MODULUS_BYTES - 33);
  }),
  pkcs1('there is no padding at all', (block) => block.fill(0)),
];

/** The last block in the clear, as it would be under PKCS #7. CBC without padding (A256CBC) has nothing that could be wrong but a length. */
const cbcPad = (fault: string, lastBlock: (random: SeededRandom) => Uint8Array): BadCiphertext => ({
  algorithm: 'A256CBCPAD',
  key: 'oct',
  fault,
  make: ({ secret }, random) => {
    const iv = random.bytes(BLOCK_BYTES);
    const cipher = createCipheriv('aes-256-cbc', secret, iv).setAutoPadding(false);
    const plaintext = Buffer.concat([random.bytes(BLOCK_BYTES), lastBlock(random)]);
    return { ciphertext: Buffer.concat([cipher.update(plaintext), cipher.final()]), iv };
  },
});

const CBC_KINDS = [
  cbcPad('a padding of nothing', (random) => Uint8Array.of(...random.bytes(15), 0)),
  cbcPad('a padding longer than a block', (random) => Uint8Array.of(...random.bytes(15), 17)),
  cbcPad('a padding of 255', (random) => Uint8Array.of(...random.bytes(15), 255)),
  cbcPad('the byte before the last is wrong', (random) => Uint8Array.of(...random.bytes(14), 9, 2)),
  cbcPad('the first byte of a whole block is wrong', () => Uint8Array.of(1, ...new Uint8Array(15).fill(16))),
];

const gcm = (fault: string, spoil: (sealed: Required<Sealed>) => void): BadCiphertext => ({
  algorithm: 'A256GCM',
  key: 'oct',
  fault,
  make: ({ secret }, random) => {
    const [iv, aad] = [random.bytes(12), random.bytes(20)];
    const cipher = createCipheriv('aes-256-gcm', secret, iv).setAAD(aad);
    const ciphertext = Buffer.concat([cipher.update(random.bytes(32)), cipher.final()]);
    const sealed = { ciphertext, iv, aad, tag: cipher.getAuthTag() };
    spoil(sealed as Required<Sealed>);
    return sealed;
  },
});

function flip(bytes: Uint8Array | undefined, at: number): void {
  if (bytes !== undefined) bytes[at] = (bytes[at] as number) ^ 1;
}

const GCM_KINDS = [
  gcm('the first byte of the tag', ({ tag }) => flip(tag, 0)),
  gcm('the last byte of the tag', ({ tag }) => flip(tag, 15)),
  gcm('the ciphertext', ({ ciphertext }) => flip(ciphertext, 0)),
  gcm('the initialisation vector', ({ iv }) => flip(iv, 0)),
  gcm('the additional data', ({ aad }) => flip(aad, 0)),
];

const keyWrap = (fault: string, spoil: (wrapped: Buffer) => Buffer): BadCiphertext => ({
  algorithm: 'A256KW',
  key: 'oct',
  fault,
  make: ({ secret }, random) => {
    const cipher = createCipheriv('id-aes256-wrap', secret, Buffer.alloc(8, 0xa6));
    return { ciphertext: spoil(Buffer.concat([cipher.update(random.bytes(32)), cipher.final()])) };
  },
});

const KEY_WRAP_KINDS = [0, 7, 8, 39].map((at) =>
  keyWrap(`the byte ${at}`, (wrapped) => {
    flip(wrapped, at);
    return wrapped;
  }),
);

export const BAD_CIPHERTEXTS: readonly BadCiphertext[] = [
  ...OAEP_KINDS,
  ...PKCS1_KINDS,
  ...CBC_KINDS,
  ...GCM_KINDS,
  ...KEY_WRAP_KINDS,
  keyWrap('chance', (wrapped) => randomBytes(wrapped.length)),
];
