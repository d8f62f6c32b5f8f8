import type { KeyObject } from 'node:crypto';
import { type ChainState, leafHash, NO_HASH } from './hash_chain.ts';
import { type ChainLine, type OpeningLine, readChainLine } from './line_text.ts';
import { MerkleTree } from './merkle_tree.ts';
import { headMembers, isSignedBy, readKeyText, type SignedHead } from './tree_head.ts';

/** What is wrong, and with which line. */
export interface ChainProblem {
  /** Number of the first line that is not what it was. */
  readonly sequence: number;
  readonly text: string;
}

/**
 * Follows a chain line by line: numbers, hashes, the tree and the signed heads. It may begin in the middle, where a file begins: what came
 * before is then as its opening line says, which the next signed head confirms or refutes, because its root is over those lines too.
 */
export class ChainCheck {
  /** Number of the first line that was seen. */
  first = 0;
  /** Lines that tell of something that was done, or was to be. */
  events = 0;
  heads = 0;
  lastHead: SignedHead | undefined;
  /** Heads that were kept elsewhere and agree. */
  confirmed = 0;
  /** Where the lines were written, as the last opening line has it. */
  place = '';
  /** Verifies the heads: the one that was given, else the one that the log names. */
  key: KeyObject | undefined;
  /** Heads that were kept elsewhere; in the map those of this log, by the number of lines that they cover. */
  readonly #given: readonly SignedHead[];
  #known: ReadonlyMap<number, readonly SignedHead[]> = new Map();
  /** Those that agree and whose own line has not come yet: no head leaves the server before its line is on record. */
  readonly #awaited = new Set<SignedHead>();
  #chain = '';
  #previousHash = NO_HASH;
  #tree = new MerkleTree();
  /** As far as heads have come, and the leaves that they have not come to. */
  #signed = new MerkleTree();
  #unsigned: Buffer[] = [];
  /** A line that did not continue the one before: the next one tells which of the two was changed. */
  #doubt: { readonly sequence: number; readonly leaf: string } | undefined;

  /** `heads`: those that were kept elsewhere. Of other logs there may be some among them. */
  constructor(key: KeyObject | undefined, heads: readonly SignedHead[] = []) {
    this.key = key;
    this.#given = heads;
  }

  /** What the next line has to continue. */
  get state(): ChainState {
    return { chain: this.#chain, previousHash: this.#previousHash, tree: this.#tree };
  }

  /** Number of the last line. */
  get last(): number {
    return this.#tree.size;
  }

  /** Lines since the last signed head, which nothing but the hashes of their successors protects. */
  get unsigned(): number {
    return this.#unsigned.length;
  }

  /** The first thing that is wrong. After it there is nothing more to find out, but for `end`. */
  take(bytes: Buffer): ChainProblem | undefined {
    const line = readChainLine(bytes);
    if (this.#doubt !== undefined) return this.#decide(this.#doubt, line);
    if (this.#chain === '' && line !== undefined) this.#begin(line);
    const expected = this.#tree.size + 1;
    if (line === undefined) return problem(expected, 'it is no line of a log any more');
    const { chain, sequence, previousHash } = line;
    if (sequence > expected)
      return problem(expected, `${counted(sequence - expected, 'line')} removed in front of line ${sequence}`);
    if (sequence < expected) return problem(expected, `line ${sequence} stands in its place: it was put in, or moved`);
    if (chain !== this.#chain) return problem(sequence, `it belongs to another log (${chain})`);
    const leaf = leafHash(bytes);
    if (previousHash !== this.#previousHash) {
      this.#doubt = { sequence, leaf: leaf.toString('hex') };
      return undefined;
    }
    const wrong = this.#takeOwnLine(line, bytes);
    if (wrong !== undefined) return wrong;
    this.#tree.append(leaf);
    this.#unsigned.push(leaf);
    this.#previousHash = leaf.toString('hex');
    return this.#compareKnown();
  }

  /** What can only be said when there are no more lines. */
  end(): ChainProblem | undefined {
    if (this.#doubt !== undefined) return this.#decide(this.#doubt, undefined);
    if (this.#given.length > 0 && this.#known.size === 0) {
      return problem(this.first, 'none of the heads that were kept elsewhere is of this log');
    }
    const furthest = this.#known.get(Math.max(...this.#known.keys()))?.[0];
    if (furthest === undefined || furthest.treeSize <= this.last) return this.#findAwaited();
    const missing = counted(furthest.treeSize - this.last, 'line');
    return problem(
      this.last + 1,
      `${missing} cut off at the end: a head of ${furthest.time} was signed over ${furthest.treeSize}`,
    );
  }

  #findAwaited(): ChainProblem | undefined {
    const [head] = this.#awaited;
    if (head === undefined) return undefined;
    const { treeSize, time } = head;
    return problem(
      treeSize + 1,
      `the line with the head of ${time} over ${treeSize} lines, which was kept elsewhere, is gone`,
    );
  }

  #begin(line: ChainLine): void {
    this.#chain = line.chain;
    this.#known = Map.groupBy(
      this.#given.filter(({ chain }) => chain === line.chain),
      ({ treeSize }) => treeSize,
    );
    this.first = line.sequence;
    const { opening } = line;
    if (opening === undefined || opening.treeSize !== line.sequence - 1) return;
    this.#previousHash = line.previousHash;
    this.#tree = new MerkleTree(opening.treeSize, opening.peaks);
    this.#signed = new MerkleTree(opening.treeSize, opening.peaks);
    this.key ??= readKeyText(opening.publicKey);
  }

  /** The line after the doubtful one was made from it: so the doubtful one is whole if its successor says so. */
  #decide({ sequence, leaf }: { sequence: number; leaf: string }, next: ChainLine | undefined): ChainProblem {
    if (next?.sequence === sequence + 1 && next.previousHash === leaf) {
      return problem(sequence - 1, `line ${sequence} carries another hash of it: it was changed`);
    }
    if (next?.sequence === sequence + 1) return problem(sequence, 'it was changed');
    return problem(sequence - 1, `line ${sequence} carries another hash of it: one of the two was changed`);
  }

  #takeOwnLine(
    { sequence, opening, head, chain, previousHash, isRecord }: ChainLine,
    bytes: Buffer,
  ): ChainProblem | undefined {
    if (sequence === this.first && opening === undefined) {
      return problem(sequence, 'the log begins with it, and it is no opening line');
    }
    if (opening !== undefined) return this.#takeOpening(sequence, opening);
    if (isRecord) this.events++;
    if (head === undefined) return undefined;
    const start = `{"chain":${JSON.stringify(chain)},"sequence":${sequence},"previousHash":"${previousHash}"`;
    if (head === 'unreadable' || bytes.toString('utf8') !== `${start},${headMembers(head)}}`) {
      return problem(sequence, 'it is no signed head any more');
    }
    return this.#takeHead(sequence, head);
  }

  #takeOpening(sequence: number, { treeSize, peaks, publicKey, place }: OpeningLine): ChainProblem | undefined {
    this.place = place;
    const same =
      treeSize === this.#tree.size &&
      peaks.length === this.#tree.peaks.length &&
      peaks.every((peak, place) => this.#tree.peaks[place]?.equals(peak));
    if (!same) return problem(sequence, 'it opens the log on other lines than those before it');
    const key = readKeyText(publicKey);
    if (key === undefined || this.key?.equals(key) !== true) {
      return problem(sequence, 'it names another audit key than the one that the log is verified with');
    }
    return undefined;
  }

  #takeHead(sequence: number, head: SignedHead): ChainProblem | undefined {
    if (this.key === undefined || !isSignedBy(head, this.key)) {
      return problem(sequence, 'its signature is not by the audit key');
    }
    const kept = this.#known.get(head.treeSize) ?? [];
    if (kept.length > 0 && !kept.some(({ signature }) => signature === head.signature)) {
      return problem(sequence, 'it is not the head that was kept elsewhere for the same lines');
    }
    for (const each of kept) this.#awaited.delete(each);
    // Signed while lines in front of those that are checked were the last: it is for a check of those to judge.
    if (this.heads === 0 && head.treeSize < this.first - 1) return undefined;
    const from = this.#signed.size + 1;
    if (head.treeSize < this.#signed.size || head.treeSize >= sequence)
      return problem(sequence, 'it is a head of other lines');
    for (const leaf of this.#unsigned.splice(0, head.treeSize - this.#signed.size)) this.#signed.append(leaf);
    if (this.#signed.root().toString('hex') !== head.rootHash) {
      return problem(
        from,
        `the lines from it to ${head.treeSize} are not those over which head ${sequence} was signed: they were written anew`,
      );
    }
    this.heads++;
    this.lastHead = head;
    return undefined;
  }

  #compareKnown(): ChainProblem | undefined {
    const size = this.#tree.size;
    for (const known of this.#known.get(size) ?? []) {
      if (this.key === undefined || !isSignedBy(known, this.key)) {
        return problem(size, 'the head that was kept elsewhere for it is not signed by the audit key');
      }
      if (this.#tree.root().toString('hex') !== known.rootHash) {
        return problem(size, 'up to it the lines are not those of the head that was kept elsewhere');
      }
      this.confirmed++;
      this.#awaited.add(known);
    }
    return undefined;
  }
}

function problem(sequence: number, text: string): ChainProblem {
  return { sequence, text };
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun} was` : `${count} ${noun}s were`;
}
