import { RING_OPERATION, type RingOperation } from '../pkcs11/binding.ts';

const SLAB_BYTES = 16 * 1024;
const SHARED_AT_MOST = 1024;
/** Up to this length V8 keeps the bytes of a typed array inside the object, which makes a copy of its own the cheapest there is. */
const INSIDE_THE_OBJECT = 64;
const EMPTY = new Uint8Array(0);

/** Operations whose answers are no secret: signatures and ciphertexts. All others may answer with plaintext. */
const PUBLIC_ANSWERS: ReadonlySet<RingOperation> = new Set<RingOperation>([
  RING_OPERATION.sign,
  RING_OPERATION.verify,
  RING_OPERATION.encrypt,
  RING_OPERATION.wrap,
  RING_OPERATION.oaepEncrypt,
  RING_OPERATION.wrapBytes,
]);

const PUBLIC_BY_NUMBER = new Uint8Array(32);
for (const operation of PUBLIC_ANSWERS) PUBLIC_BY_NUMBER[operation] = 1;

/** 1 where the answers of the operation may lie beside each other in one block of memory, 0 where each needs memory of its own. */
export function sharesMemory(operation: RingOperation): number {
  return PUBLIC_BY_NUMBER[operation] ?? 0;
}

/**
 * Copies answers out of the completion buffer. Memory of its own costs a few hundred nanoseconds from 65 bytes on, which is a tenth of
 * what a whole operation costs here, so signatures and ciphertexts share slabs; plaintext never does, because a view over a shared slab
 * would show its neighbours through `.buffer` and keep them from being freed.
 */
export class AnswerCopy {
  #slab = new ArrayBuffer(SLAB_BYTES);
  #used = 0;

  take(source: Uint8Array, start: number, length: number, shared: number): Uint8Array {
    if (length === 0) return EMPTY;
    if (shared === 0 || length <= INSIDE_THE_OBJECT || length > SHARED_AT_MOST)
      return source.slice(start, start + length);
    if (this.#used + length > SLAB_BYTES) {
      this.#slab = new ArrayBuffer(SLAB_BYTES);
      this.#used = 0;
    }
    const copy = new Uint8Array(this.#slab, this.#used, length);
    copy.set(source.subarray(start, start + length));
    this.#used += length;
    return copy;
  }
}
