/*
 * What lanes answer, taken apart: object handles (generate, create, copy, unwrap, find) and the mechanism list.
 * The layouts are those of native/operations.cc and native/object_operations.cc.
 */

const HANDLE_BYTES = 8;
const HIGH_WORD = 2 ** 32;

/** Object handles as numbers. A handle past 2^53 would not be exact, and is refused. */
export function decodeHandles(answer: Uint8Array): number[] {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const handles: number[] = [];
  for (let at = 0; at + HANDLE_BYTES <= answer.length; at += HANDLE_BYTES) {
    const handle = view.getUint32(at, true) + view.getUint32(at + 4, true) * HIGH_WORD;
    if (!Number.isSafeInteger(handle)) throw new RangeError('The token gave an object handle past 2^53');
    handles.push(handle);
  }
  return handles;
}

/** CK_MECHANISM_INFO. Key sizes in bits or bytes, as the token likes; flags are CKF_* (pkcs11/mechanism.ts). */
export interface MechanismSupport {
  readonly minimumKeySize: number;
  readonly maximumKeySize: number;
  readonly flags: number;
}

const MECHANISM_BYTES = 16;

/** By CKM_*. */
export function decodeMechanisms(answer: Uint8Array): Map<number, MechanismSupport> {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  const mechanisms = new Map<number, MechanismSupport>();
  for (let at = 0; at + MECHANISM_BYTES <= answer.length; at += MECHANISM_BYTES) {
    mechanisms.set(view.getUint32(at, true), {
      minimumKeySize: view.getUint32(at + 4, true),
      maximumKeySize: view.getUint32(at + 8, true),
      flags: view.getUint32(at + 12, true),
    });
  }
  return mechanisms;
}
