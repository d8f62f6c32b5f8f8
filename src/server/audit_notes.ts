import type { StrongroomError } from '../model/errors.ts';
import type { DataAction } from '../model/role.ts';

/** One of several things that are done in one request, each of which has an event of its own. */
export interface AuditItem {
  /** As a route calls it. */
  readonly operation: string;
  readonly dataAction: DataAction | undefined;
  readonly keyVersion: string | undefined;
  readonly algorithm: string | undefined;
  /** Why it was not done. */
  readonly error: StrongroomError | undefined;
}

/** What is noted of a request for the audit log, beside what the exchange knows, while it goes through the pipeline. */
export class AuditNotes {
  readonly timeMs: number = Date.now();
  /** `open` when the log has let it in; `committed` when the log has been asked to record it, whatever it said. */
  state: 'unopened' | 'open' | 'committed' = 'unopened';
  keyName: string | undefined = undefined;
  keyVersion: string | undefined = undefined;
  algorithm: string | undefined = undefined;
  /** What it is done to, where that is no key. */
  target: string | undefined = undefined;
  /** Of a request that does several things. */
  readonly items: AuditItem[] = [];
}
