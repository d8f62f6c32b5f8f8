import { hash } from 'node:crypto';

const HASH_BYTES = 32;
const NODE_PREFIX = 1;
const NODE_BYTES = 1 + 2 * HASH_BYTES;
const EMPTY_ROOT = hash('sha256', '', 'buffer');

/**
 * The hash tree of RFC 6962 §2.1 over SHA-256, as much of it as is needed to go on: the roots of its whole subtrees, from the largest to
 * the smallest. Leaves come in as leaf hashes.
 */
export class MerkleTree {
  #size: number;
  readonly #peaks: Buffer[];

  /** Goes on with what `size` and `peaks` of another tree say. @throws TypeError when they do not belong together */
  constructor(size = 0, peaks: readonly Uint8Array[] = []) {
    if (peaks.length !== peakCount(size)) throw new TypeError(`A tree of ${size} leaves has other peaks.`);
    this.#size = size;
    this.#peaks = peaks.map((peak) => Buffer.from(peak));
  }

  /** Leaves. */
  get size(): number {
    return this.#size;
  }

  get peaks(): readonly Buffer[] {
    return this.#peaks;
  }

  append(leafHash: Buffer): void {
    let node = leafHash;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeHash(this.#peaks.pop() as Buffer, node);
    }
    this.#peaks.push(node);
    this.#size++;
  }

  root(): Buffer {
    let node = this.#peaks.at(-1);
    if (node === undefined) return EMPTY_ROOT;
    for (let place = this.#peaks.length - 2; place >= 0; place--) node = nodeHash(this.#peaks[place] as Buffer, node);
    return node;
  }
}

/** One whole subtree for each binary digit that is set. */
export function peakCount(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

const scratch = Buffer.alloc(NODE_BYTES, NODE_PREFIX);

/** RFC 6962 §2.1. */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  left.copy(scratch, 1);
  right.copy(scratch, 1 + HASH_BYTES);
  return hash('sha256', scratch, 'buffer');
}
