import { randomBytes } from 'node:crypto';
import { StrongroomError } from '../model/errors.ts';

/**
 * Shamir's secret sharing over GF(257), byte by byte, as the security domain of Azure Managed HSM has it (Azure API, appendix B.3). Each
 * byte has a polynomial of its own with fresh coefficients: with one polynomial for all bytes a single share would tell nearly all of them.
 */
export interface Share {
  /** Where the polynomials were evaluated, from 1. */
  readonly index: number;
  /** One for each byte of the secret, 0 to 256. */
  readonly values: readonly number[];
}

const PRIME = 257;
/** The index has seven bits in a written share. */
const MOST_SHARES = 126;
const VALUE_BITS = 9;
const BYTES_PER_VALUE = 2;

/** `required` of the shares bring the secret back, and fewer tell nothing of it. */
export function splitSecret(secret: Uint8Array, required: number, count: number): Share[] {
  if (!(required >= 2 && required <= count && count <= MOST_SHARES)) {
    throw new TypeError(`Expected 2 <= required <= shares <= ${MOST_SHARES}, received ${required} of ${count}`);
  }
  const polynomials = Array.from(secret, (byte) => [byte, ...randomElements(required - 1)]);
  const shares = Array.from({ length: count }, (_, position) => {
    const index = position + 1;
    return { index, values: polynomials.map((coefficients) => evaluate(coefficients, index)) };
  });
  for (const coefficients of polynomials) coefficients.fill(0);
  return shares;
}

/** @throws StrongroomError `BadParameter` (`SharesDisagree`) when they are no shares of one secret; when they are too few, that cannot always be seen */
export function combineShares(shares: readonly Share[]): Uint8Array {
  const [first] = shares;
  const indices = new Set(shares.map(({ index }) => index));
  if (first === undefined || indices.size !== shares.length) throw disagree('two of them are the same');
  if (shares.some(({ values }) => values.length !== first.values.length)) throw disagree('they differ in length');
  const weights = shares.map(({ index }) => weightAtZero(index, indices));
  const secret = new Uint8Array(first.values.length);
  for (let position = 0; position < secret.length; position++) {
    let sum = 0;
    for (const [which, { values }] of shares.entries()) {
      sum = (sum + (values[position] as number) * (weights[which] as number)) % PRIME;
    }
    if (sum > 255) throw disagree('what they give is no secret');
    secret[position] = sum;
  }
  return secret;
}

/** Little-endian, 16 bits for each value: the index in the upper seven, the value in the lower nine. */
export function writeShare({ index, values }: Share): Uint8Array {
  const bytes = Buffer.alloc(values.length * BYTES_PER_VALUE);
  for (const [position, value] of values.entries()) {
    bytes.writeUInt16LE((index << VALUE_BITS) | value, position * BYTES_PER_VALUE);
  }
  return bytes;
}

/** @throws StrongroomError `BadParameter` (`SharesDisagree`) */
export function readShare(bytes: Uint8Array): Share {
  if (bytes.length === 0 || bytes.length % BYTES_PER_VALUE !== 0) throw disagree('one has no whole number of values');
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (position: number): number => words.getUint16(position * BYTES_PER_VALUE, true);
  const index = read(0) >> VALUE_BITS;
  const values = Array.from({ length: bytes.length / BYTES_PER_VALUE }, (_, position) => {
    const word = read(position);
    const value = word & ((1 << VALUE_BITS) - 1);
    if (word >> VALUE_BITS !== index || value >= PRIME) throw disagree('one is damaged');
    return value;
  });
  if (index < 1 || index > MOST_SHARES) throw disagree('one is damaged');
  return { index, values };
}

/** Horner's rule; the constant coefficient comes first. */
function evaluate(coefficients: readonly number[], at: number): number {
  return coefficients.reduceRight((sum, coefficient) => (sum * at + coefficient) % PRIME, 0);
}

/** Lagrange's weight of a share for the value at 0. */
function weightAtZero(index: number, indices: ReadonlySet<number>): number {
  let numerator = 1;
  let denominator = 1;
  for (const other of indices) {
    if (other === index) continue;
    numerator = (numerator * other) % PRIME;
    denominator = (denominator * (PRIME + other - index)) % PRIME;
  }
  return (numerator * inverse(denominator)) % PRIME;
}

/** By Fermat's little theorem. */
function inverse(element: number): number {
  let power = 1;
  for (let step = 0; step < PRIME - 2; step++) power = (power * element) % PRIME;
  return power;
}

/** Uniform in 0 to 256: of the 65,536 values of two bytes the last one is drawn again, and 257 divides the rest evenly. */
function randomElements(count: number): number[] {
  const elements: number[] = [];
  while (elements.length < count) {
    const drawn = randomBytes(BYTES_PER_VALUE).readUInt16LE();
    if (drawn < 0xffff) elements.push(drawn % PRIME);
  }
  return elements;
}

function disagree(why: string): StrongroomError {
  return new StrongroomError('BadParameter', `The shares of the security domain do not belong together: ${why}.`, {
    innerCode: 'SharesDisagree',
  });
}
