import { RECORDS } from './audit_record.ts';
import { peakCount } from './merkle_tree.ts';
import { readHead, type SignedHead } from './tree_head.ts';

/** What a check reads out of a line. What else it holds is protected by its hash. */
export interface ChainLine {
  readonly chain: string;
  readonly sequence: number;
  readonly previousHash: string;
  readonly opening: OpeningLine | undefined;
  /** `unreadable`: it says that it is one, and is none. */
  readonly head: SignedHead | 'unreadable' | undefined;
  /** It tells of something that was done, or was to be. */
  readonly isRecord: boolean;
}

export interface OpeningLine {
  readonly treeSize: number;
  readonly peaks: readonly Buffer[];
  readonly publicKey: string;
  readonly place: string;
}

/** Categories of the lines that are about the log. */
const OWN_LINES: ReadonlySet<unknown> = new Set(['AuditChain', 'AuditHead', 'AuditInterruption']);
const HASH = /^[0-9a-f]{64}$/;

/** `undefined` for what is no line of a log. */
export function readChainLine(bytes: Buffer): ChainLine | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const members = value as Record<string, unknown>;
  const { chain, sequence, previousHash, category } = members;
  if (typeof chain !== 'string' || typeof previousHash !== 'string' || !HASH.test(previousHash)) return undefined;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1) return undefined;
  const isRecord = RECORDS.has(category);
  // A head as the last line is held by its signature alone: as a line of no known kind it would pass without a look at that.
  if (!isRecord && !OWN_LINES.has(category)) return undefined;
  const opening = category === 'AuditChain' ? readOpening(members) : undefined;
  if (category === 'AuditChain' && opening === undefined) return undefined;
  const head = category === 'AuditHead' ? (readHead(value) ?? 'unreadable') : undefined;
  return { chain, sequence, previousHash, opening, head, isRecord };
}

function readOpening({ treeSize, peaks, publicKey, place }: Record<string, unknown>): OpeningLine | undefined {
  if (typeof treeSize !== 'number' || !Number.isSafeInteger(treeSize) || treeSize < 0) return undefined;
  if (!Array.isArray(peaks) || !peaks.every((peak) => typeof peak === 'string' && HASH.test(peak))) return undefined;
  if (peaks.length !== peakCount(treeSize) || typeof publicKey !== 'string') return undefined;
  if (typeof place !== 'string') return undefined;
  return { treeSize, peaks: peaks.map((peak: string) => Buffer.from(peak, 'hex')), publicKey, place };
}
