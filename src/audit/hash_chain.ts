import { hash } from 'node:crypto';
import { MerkleTree } from './merkle_tree.ts';

/** How far a chain has come: what the next line has to continue. */
export interface ChainState {
  /** A name that no other log has. */
  readonly chain: string;
  /** Leaf hash of the last line, in hex. */
  readonly previousHash: string;
  /** Over all lines. */
  readonly tree: MerkleTree;
}

/** In front of the first line. */
export const NO_HASH = '0'.repeat(64);

/**
 * Leaf hash of a line (RFC 6962 §2.1: SHA-256 over a zero byte and the bytes of the line, without its line feed). It is also what the next
 * line carries as `previousHash`.
 */
export function leafHash(line: string | Uint8Array): Buffer {
  if (typeof line === 'string') return hash('sha256', `\0${line}`, 'buffer');
  return hash('sha256', Buffer.concat([LEAF_PREFIX, line]), 'buffer');
}

const LEAF_PREFIX = Uint8Array.of(0);

/** Makes lines, each of which carries the hash of the one before, and keeps the tree over them. */
export class HashChain {
  readonly chain: string;
  readonly #tree: MerkleTree;
  readonly #start: string;
  #previousHash: string;

  constructor({ chain, previousHash, tree }: ChainState) {
    this.chain = chain;
    this.#previousHash = previousHash;
    this.#tree = new MerkleTree(tree.size, tree.peaks);
    this.#start = `{"chain":${JSON.stringify(chain)},"sequence":`;
  }

  /** Lines so far, which is also the number of the last one. */
  get size(): number {
    return this.#tree.size;
  }

  get tree(): MerkleTree {
    return this.#tree;
  }

  /** A JSON object of these members behind those of the chain. */
  link(members: string): string {
    const line = `${this.#start}${this.#tree.size + 1},"previousHash":"${this.#previousHash}",${members}}`;
    const leaf = leafHash(line);
    this.#tree.append(leaf);
    this.#previousHash = leaf.toString('hex');
    return line;
  }
}
