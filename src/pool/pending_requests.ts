import type { RingOperation } from '../pkcs11/binding.ts';
import { sharesMemory } from './answer_copy.ts';
import type { Completion } from './hsm_host.ts';

export type Settle = (completion: Completion) => void;

/** Who waits for an answer, and may go elsewhere when it does not come. */
export interface Leaver {
  /**
   * Leaves the host, if it may: answers what is to be done with the answer that comes in the end, and is to be started then.
   * Undefined when it stays.
   */
  leave(): Settle | undefined;
  start(): void;
}

const INDEX_BITS = 16;
const INDEX_MASK = (1 << INDEX_BITS) - 1;
const MOST = 1 << INDEX_BITS;
const ROUND_MASK = 0xffff;

/**
 * Who waits for which answer. A request id is a place in the table and the number of times that the place was taken before, so that
 * an answer that comes twice, or comes after its request was given up, meets nobody.
 */
export class PendingRequests {
  #settles: (Settle | undefined)[];
  #leavers: (Leaver | undefined)[];
  #ids: Uint32Array;
  #shared: Uint8Array;
  #free: Int32Array;
  #freeCount: number;

  constructor(size: number) {
    this.#settles = new Array<Settle | undefined>(size).fill(undefined);
    this.#leavers = new Array<Leaver | undefined>(size).fill(undefined);
    this.#ids = new Uint32Array(size);
    this.#shared = new Uint8Array(size);
    this.#free = new Int32Array(size);
    for (let index = 0; index < size; index++) {
      this.#ids[index] = index;
      this.#free[index] = size - 1 - index;
    }
    this.#freeCount = size;
  }

  /** Takes a place and answers its request id. */
  add(operation: RingOperation, settle: Settle, leaver?: Leaver): number {
    if (this.#freeCount === 0) this.#grow();
    const index = this.#free[--this.#freeCount] as number;
    this.#settles[index] = settle;
    this.#leavers[index] = leaver;
    this.#shared[index] = sharesMemory(operation);
    return this.#ids[index] as number;
  }

  /** 1 when the answer may share memory with others (see answer_copy.ts). */
  sharesMemory(requestId: number): number {
    return this.#shared[requestId & INDEX_MASK] as number;
  }

  /** Ends the wait: answers who waited, undefined when nobody does any more. */
  remove(requestId: number): Settle | undefined {
    const index = requestId & INDEX_MASK;
    if (this.#ids[index] !== requestId) return undefined;
    const settle = this.#settles[index];
    if (settle === undefined) return undefined;
    this.#settles[index] = undefined;
    this.#leavers[index] = undefined;
    this.#ids[index] = (((((requestId >>> INDEX_BITS) + 1) & ROUND_MASK) << INDEX_BITS) | index) >>> 0;
    this.#free[this.#freeCount++] = index;
    return settle;
  }

  /** Whoever waits for it goes elsewhere, if he may; the place is taken until the answer is there. */
  leave(requestId: number): void {
    const index = requestId & INDEX_MASK;
    const leaver = this.#leavers[index];
    if (leaver === undefined || this.#ids[index] !== requestId) return;
    const late = leaver.leave();
    if (late === undefined) return;
    this.#settles[index] = late;
    this.#leavers[index] = undefined;
    leaver.start();
  }

  /** Ids of all that wait. For the end of a ring, not for the hot path. */
  all(): number[] {
    const waiting: number[] = [];
    for (let index = 0; index < this.#settles.length; index++) {
      if (this.#settles[index] !== undefined) waiting.push(this.#ids[index] as number);
    }
    return waiting;
  }

  #grow(): void {
    const size = this.#settles.length;
    if (size * 2 > MOST) throw new RangeError('More requests wait in one ring than the house admits in all');
    const ids = new Uint32Array(size * 2);
    ids.set(this.#ids);
    const shared = new Uint8Array(size * 2);
    shared.set(this.#shared);
    this.#free = new Int32Array(size * 2);
    for (let index = size; index < size * 2; index++) {
      ids[index] = index;
      this.#settles.push(undefined);
      this.#leavers.push(undefined);
      this.#free[this.#freeCount++] = index;
    }
    this.#ids = ids;
    this.#shared = shared;
  }
}
