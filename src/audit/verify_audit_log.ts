import type { KeyObject } from 'node:crypto';
import { basename } from 'node:path';
import { ChainCheck, type ChainProblem } from './chain_check.ts';
import { LineReader, listLogFiles } from './log_files.ts';
import type { SignedHead } from './tree_head.ts';

export interface VerifyOptions {
  /** The pool's audit key, from a source that is trusted. The one that the log names unless given. */
  readonly key?: KeyObject | undefined;
  /** Heads that were kept elsewhere. */
  readonly heads?: readonly SignedHead[] | undefined;
  /** The line that the log is expected to begin with, where older files have been put away. */
  readonly from?: number | undefined;
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
  /** Where it was seen: name of a file, and line in it. */
  readonly file: string | undefined;
  readonly line: number | undefined;
}

/**
 * Reads a log from its first line to its last. What it says holds up to the last signed head; that the end of a log was cut off shows only
 * against a head that was kept elsewhere. Rejects with the system's error when a file cannot be read.
 */
export async function verifyAuditLog(directory: string, options: VerifyOptions = {}): Promise<AuditVerdict> {
  const check = new ChainCheck(options.key, options.heads);
  let tornBytes = 0;
  let problem: LocatedProblem | undefined;
  for (const path of await listLogFiles(directory)) {
    if (problem === undefined && tornBytes > 0) problem = unfinished(check, tornBytes);
    if (problem !== undefined) break;
    const reader = new LineReader(path);
    problem = await readFile(reader, check, basename(path));
    tornBytes = reader.tornBytes;
  }
  problem ??= located(check.end());
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

async function readFile(reader: LineReader, check: ChainCheck, file: string): Promise<LocatedProblem | undefined> {
  let line = 0;
  for await (const lines of reader.lines()) {
    for (const bytes of lines) {
      line++;
      const found = check.take(bytes);
      if (found !== undefined) return { ...found, file, line };
    }
  }
  return undefined;
}

/** Only the last line of a log may be unfinished. */
function unfinished(check: ChainCheck, tornBytes: number): LocatedProblem {
  const text = `it has no end: ${tornBytes} bytes without a line break, and another file follows`;
  return { sequence: check.last + 1, text, file: undefined, line: undefined };
}

function wrongAsAWhole(check: ChainCheck, { from = 1 }: VerifyOptions): ChainProblem | undefined {
  if (check.last === 0) return { sequence: 1, text: 'there are no lines' };
  if (check.first !== from) {
    const text =
      check.first > from
        ? `the log begins with line ${check.first}: what came before is not here`
        : `the log begins with line ${check.first} and not with this one`;
    return { sequence: from, text };
  }
  if (check.heads > 0) return undefined;
  return { sequence: from, text: 'no signed head: nothing shows that these lines are those that were written' };
}

function located(found: ChainProblem | undefined): LocatedProblem | undefined {
  return found === undefined ? undefined : { ...found, file: undefined, line: undefined };
}
