import type { Algorithm, InputRule } from '../model/algorithm.ts';
import { badParameter } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';

/** Lengths that a value may have, in bytes. */
export interface LengthBounds {
  readonly minimum: number;
  readonly maximum: number;
  readonly multipleOf: number;
  /** For the complaint: `32 bytes`, `at most 190 bytes` … */
  readonly expected: string;
}

export function lengthBounds(minimum: number, maximum: number, multipleOf = 1): LengthBounds {
  const multiple = multipleOf === 1 ? '' : `a multiple of ${multipleOf} bytes, `;
  if (minimum === maximum) return { minimum, maximum, multipleOf, expected: `${minimum} bytes` };
  const range = minimum === 0 ? `at most ${maximum} bytes` : `${minimum} to ${maximum} bytes`;
  return { minimum, maximum, multipleOf, expected: multiple + range };
}

/** What may be handed in to sign, encrypt or wrapKey. `modulusBytes` is 0 for keys without a modulus. */
export function inputBounds(rule: InputRule, modulusBytes: number): LengthBounds {
  const { exact, minimum = 0, belowModulus, multipleOf = 1 } = rule;
  if (exact !== undefined) return lengthBounds(exact, exact);
  const longest = LIMITS.operationInputBytes - (LIMITS.operationInputBytes % multipleOf);
  return lengthBounds(minimum, belowModulus === undefined ? longest : modulusBytes - belowModulus, multipleOf);
}

const BLOCK_BYTES = 16;
const LONGEST_CIPHERTEXT = LIMITS.operationInputBytes + BLOCK_BYTES;
/** What may be handed in to decrypt or unwrapKey; what cannot be a ciphertext among it does not decrypt. */
export const CIPHERTEXT_BOUNDS = lengthBounds(0, LONGEST_CIPHERTEXT);
export const AAD_BOUNDS = lengthBounds(0, LIMITS.aadBytes);
/** RFC 3394 works on halves of a block, and puts one in front. */
const WRAP_UNIT_BYTES = 8;

/** What can be a ciphertext at all: of another length it does not decrypt, and the token need not be asked. */
export function ciphertextBounds(algorithm: Algorithm, modulusBytes: number): LengthBounds {
  if (modulusBytes > 0) return lengthBounds(modulusBytes, modulusBytes);
  if (algorithm.tagBytes !== undefined) return CIPHERTEXT_BOUNDS;
  if (algorithm.initialisationVector !== undefined) return lengthBounds(BLOCK_BYTES, LONGEST_CIPHERTEXT, BLOCK_BYTES);
  return lengthBounds(2 * WRAP_UNIT_BYTES, LONGEST_CIPHERTEXT, WRAP_UNIT_BYTES);
}

export function withinBounds(bounds: LengthBounds, length: number): boolean {
  return length >= bounds.minimum && length <= bounds.maximum && length % bounds.multipleOf === 0;
}

/** @throws StrongroomError `BadParameter` */
export function requireBytes(parameter: string, bounds: LengthBounds, value: unknown): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array) || !withinBounds(bounds, value.length)) {
    throw badParameter(parameter, bounds.expected, value);
  }
}
