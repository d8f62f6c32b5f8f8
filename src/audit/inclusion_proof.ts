import type { KeyObject } from 'node:crypto';
import { leafHash } from './hash_chain.ts';
import { readChainLine } from './line_text.ts';
import type { LogSource } from './log_source.ts';
import { MerkleTree, nodeHash } from './merkle_tree.ts';
import { isSignedBy, readHead, type SignedHead } from './tree_head.ts';

/** That one line is among those that a head was signed over. It says nothing of what the others are. */
export interface InclusionProof {
  readonly line: string;
  readonly head: SignedHead;
  /** Hashes from the leaf up to the root (RFC 6962 §2.1.1), in hex. */
  readonly path: readonly string[];
}

/**
 * Proves a line of a log that is there from its first line on. By the head that is given, else by the first one of the log that covers it.
 * `undefined` when there is no such line, or no head that fits.
 */
export async function proveInclusion(
  source: LogSource,
  sequence: number,
  given: SignedHead | undefined,
): Promise<InclusionProof | undefined> {
  const leaves: Buffer[] = [];
  let line: string | undefined;
  let head = given;
  for (const part of await source.parts()) {
    for await (const lines of part.lines()) {
      for (const bytes of lines) {
        const read = readChainLine(bytes);
        if (read?.sequence !== leaves.length + 1) return undefined;
        leaves.push(leafHash(bytes));
        if (read.sequence === sequence) line = bytes.toString('utf8');
        if (typeof read.head === 'object' && read.head.treeSize >= sequence) head ??= read.head;
        if (line === undefined || head === undefined || head.treeSize > leaves.length) continue;
        const path = inclusionPath(leaves.slice(0, head.treeSize), sequence - 1).map((hash) => hash.toString('hex'));
        const proof = { line, head, path };
        return provesInclusion(proof) ? proof : undefined;
      }
    }
  }
  return undefined;
}

/** Whether a proof holds, and where a key is given whether the head is signed by it. */
export function provesInclusion({ line, head, path }: InclusionProof, key?: KeyObject): boolean {
  const bytes = Buffer.from(line, 'utf8');
  const read = readChainLine(bytes);
  if (read === undefined || read.chain !== head.chain || read.sequence > head.treeSize) return false;
  if (key !== undefined && !isSignedBy(head, key)) return false;
  const hashes = path.map((hash) => Buffer.from(hash, 'hex'));
  return rootByPath(leafHash(bytes), read.sequence - 1, head.treeSize, hashes)?.toString('hex') === head.rootHash;
}

/** The proof that a JSON text holds, if it holds one. */
export function readProof(text: string): InclusionProof | undefined {
  try {
    const { line, head, path } = JSON.parse(text) as Record<keyof InclusionProof, unknown>;
    const signed = readHead(head);
    if (typeof line !== 'string' || signed === undefined || !Array.isArray(path)) return undefined;
    return path.every((hash) => typeof hash === 'string') ? { line, head: signed, path } : undefined;
  } catch {
    return undefined;
  }
}

function inclusionPath(leaves: readonly Buffer[], place: number): Buffer[] {
  if (leaves.length === 1) return [];
  const half = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  const [left, right] = [leaves.slice(0, half), leaves.slice(half)];
  return place < half
    ? [...inclusionPath(left, place), rootOf(right)]
    : [...inclusionPath(right, place - half), rootOf(left)];
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  const tree = new MerkleTree();
  for (const leaf of leaves) tree.append(leaf);
  return tree.root();
}

/** RFC 9162 §2.1.3.2. `undefined` for a path of another length than the tree has. */
function rootByPath(leaf: Buffer, place: number, size: number, path: readonly Buffer[]): Buffer | undefined {
  let [at, last, node] = [place, size - 1, leaf];
  for (const hash of path) {
    if (last === 0 || hash.length !== node.length) return undefined;
    if (at % 2 === 1 || at === last) {
      node = nodeHash(hash, node);
      for (; at % 2 === 0 && at !== 0; at /= 2) last = Math.floor(last / 2);
    } else node = nodeHash(node, hash);
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? node : undefined;
}
