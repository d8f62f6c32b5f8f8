import type { KeyObject } from 'node:crypto';
import { ChainCheck, type ChainProblem } from './chain_check.ts';
import { type LogPart, type LogSource, partsFrom } from './log_source.ts';
import type { SignedHead } from './tree_head.ts';

export interface VerifyOptions {
  /** The pool's audit key, from a source that is trusted. The one that the log names unless given. */
  readonly key?: KeyObject | undefined;
  /** Heads that were kept elsewhere. */
  readonly heads?: readonly SignedHead[] | undefined;
  /** The line from which on it is to hold, where older ones have been put away. The first one unless given. */
  readonly from?: number | undefined;
  /** The line up to which; the last one unless given. */
  readonly to?: number | undefined;
}

/** What can be said of a log. */
export interface AuditVerdict {
  readonly chain: string;
  /** Numbers of the first line and of the last, as far as the log holds. */
  readonly first: number;
  readonly last: number;
  readonly events: number;
  readonly heads: number;
  readonly lastHead: SignedHead | undefined;
  /** Heads that were kept elsewhere and agree. */
  readonly confirmed: number;
  /** Lines behind the last signed head's. */
  readonly unsigned: number;
  readonly key: KeyObject | undefined;
  /** Of a last line that is not finished: a crash has left it, or it is being written at this moment. */
  readonly tornBytes: number;
  readonly problem: LocatedProblem | undefined;
}

export interface LocatedProblem extends ChainProblem {
  /** Where it was seen: name of a part, and line in it. */
  readonly part: string | undefined;
  readonly line: number | undefined;
}

/**
 * Reads a log from its first line to its last, or a range of it, with what is around it as far as is needed: from the beginning of a part to
 * a head that covers the range. What it says holds up to the last signed head, with the line of that head; that the end of a log was cut off
 * shows only against a head that was kept elsewhere. Rejects with the system's error when a part cannot be read.
 */
export async function verifyAuditLog(source: LogSource, options: VerifyOptions = {}): Promise<AuditVerdict> {
  const { from = 1, to = Number.POSITIVE_INFINITY } = options;
  const check = new ChainCheck(options.key, options.heads);
  const isDone = (): boolean => (check.lastHead?.treeSize ?? 0) >= to;
  let tornBytes = 0;
  let problem: LocatedProblem | undefined;
  for (const part of partsFrom(await source.parts(), from)) {
    if (problem === undefined && tornBytes > 0) problem = unfinished(check, tornBytes);
    if (problem !== undefined || isDone()) break;
    problem = await readPart(part, check, isDone);
    tornBytes = part.tornBytes;
  }
  if (!isDone()) problem ??= located(check.end());
  problem ??= located(wrongAsAWhole(check, options));
  return {
    chain: check.state.chain,
    first: check.first,
    last: check.last,
    events: check.events,
    heads: check.heads,
    lastHead: check.lastHead,
    confirmed: check.confirmed,
    unsigned: check.unsigned,
    key: check.key,
    tornBytes,
    problem,
  };
}

async function readPart(part: LogPart, check: ChainCheck, isDone: () => boolean): Promise<LocatedProblem | undefined> {
  let line = 0;
  for await (const lines of part.lines()) {
    for (const bytes of lines) {
      line++;
      const found = check.take(bytes);
      if (found !== undefined) return { ...found, part: part.name, line };
      if (isDone()) return undefined;
    }
  }
  return undefined;
}

/** Only the last line of a log may be unfinished. */
function unfinished(check: ChainCheck, tornBytes: number): LocatedProblem {
  const text = `it has no end: ${tornBytes} bytes without a line break, and another file follows`;
  return { sequence: check.last + 1, text, part: undefined, line: undefined };
}

function wrongAsAWhole(check: ChainCheck, { from = 1, to = 1 }: VerifyOptions): ChainProblem | undefined {
  if (check.last === 0) return { sequence: 1, text: 'there are no lines' };
  if (check.first > from) {
    return { sequence: from, text: `the log begins with line ${check.first}: what came before is not here` };
  }
  const end = Math.max(from, to);
  if (check.last < end) return { sequence: end, text: `the log ends with line ${check.last}` };
  if (check.heads > 0) return undefined;
  return { sequence: from, text: 'no signed head: nothing shows that these lines are those that were written' };
}

function located(found: ChainProblem | undefined): LocatedProblem | undefined {
  return found === undefined ? undefined : { ...found, part: undefined, line: undefined };
}
