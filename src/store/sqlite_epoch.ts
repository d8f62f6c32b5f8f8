import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { everythingReplaced } from './store_refusal.ts';

/** How often everything has been replaced, inside a transaction that is under way. */
export class SqliteEpoch {
  readonly #count: StatementSync;

  constructor(database: DatabaseSync) {
    this.#count = database.prepare('SELECT count FROM replacements');
  }

  /** @throws StrongroomError `Conflict` (`RestoreInProgress`) */
  require({ epoch }: { readonly epoch: number | undefined }): void {
    if (epoch !== undefined && this.#count.get()?.count !== epoch) throw everythingReplaced();
  }
}
