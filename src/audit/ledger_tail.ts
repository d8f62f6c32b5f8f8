import type { KeyObject } from 'node:crypto';
import { StrongroomError } from '../model/errors.ts';
import { ChainCheck, type ChainProblem } from './chain_check.ts';
import type { ChainState } from './hash_chain.ts';
import type { LogPart } from './log_source.ts';

/** What of a log was there when it was opened. */
export interface LedgerTail {
  readonly state: ChainState;
  /** Of the last part. */
  readonly bytes: number;
  /** Of an unfinished line, which has been cut off. */
  readonly tornBytes: number;
  /** Where it was written. */
  readonly place: string;
}

/**
 * Follows the last part of a log to its end. `undefined` when there is no line in it.
 * @throws StrongroomError `ServiceUnavailable` (`AuditLogBroken`)
 */
export async function readTail(part: LogPart, publicKey: KeyObject): Promise<LedgerTail | undefined> {
  const check = new ChainCheck(publicKey);
  for await (const lines of part.lines()) {
    for (const line of lines) {
      const wrong = check.take(line);
      if (wrong !== undefined) throw broken(part, wrong);
    }
  }
  const { bytes, tornBytes } = part;
  if (bytes === 0) return undefined;
  const wrong = check.end();
  if (wrong !== undefined) throw broken(part, wrong);
  return { state: check.state, bytes, tornBytes, place: check.place };
}

/** A log that ends as the former audit key has left it, `undefined` for any other. A part is read once: this one is read here. */
export async function readFormerTail(
  part: LogPart | undefined,
  formerKey: KeyObject | undefined,
): Promise<LedgerTail | undefined> {
  if (part === undefined || formerKey === undefined) return undefined;
  return readTail(part, formerKey).catch((error: unknown) => {
    if (error instanceof StrongroomError && error.innerCode === 'AuditLogBroken') return undefined;
    throw error;
  });
}

function broken({ name }: LogPart, { sequence, text }: ChainProblem): StrongroomError {
  const message =
    `The audit log cannot be gone on with: in ${name}, line ${sequence}: ${text}. Look into it with ` +
    '`strongroom audit verify`, and move it away for a new log to begin.';
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'AuditLogBroken' });
}
