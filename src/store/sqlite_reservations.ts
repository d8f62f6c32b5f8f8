import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ReserveEncryptions } from './sqlite_write.ts';
import { encryptionLimitReached, keyVersionNotFound } from './store_refusal.ts';

/** Counts of AES-GCM encryptions, inside a transaction that is under way. */
export class SqliteReservations {
  readonly #findVersion: StatementSync;
  readonly #find: StatementSync;
  readonly #put: StatementSync;

  constructor(database: DatabaseSync) {
    this.#findVersion = database.prepare('SELECT 1 FROM key_version WHERE name = ? AND version = ?');
    this.#find = database.prepare('SELECT reserved FROM encryption_count WHERE name = ? AND version = ?');
    this.#put = database.prepare(
      `INSERT INTO encryption_count (name, version, reserved) VALUES (:name, :version, :reserved)
       ON CONFLICT (name, version) DO UPDATE SET reserved = excluded.reserved`,
    );
  }

  /** Answers the count before. @throws StrongroomError `KeyNotFound` or `Forbidden` */
  reserve({ name, version, count, maximum }: ReserveEncryptions): number {
    if (this.#findVersion.get(name, version) === undefined) throw keyVersionNotFound(name, version);
    const before = Number(this.#find.get(name, version)?.reserved ?? 0);
    if (before + count > maximum) throw encryptionLimitReached();
    this.#put.run({ name, version, reserved: before + count });
    return before;
  }
}
