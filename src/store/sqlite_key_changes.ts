import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { KeyChangeRows } from './key_change_rows.ts';
import { KEY_COLUMNS, type KeyRow } from './key_row.ts';
import { KEY_VERSION_COLUMNS, type KeyVersionRow } from './key_version_row.ts';
import type { SqliteIntents } from './sqlite_intents.ts';
import { assignmentsOf, insertInto } from './sqlite_statement.ts';
import type { KeyLimits } from './store.ts';
import { keyChanged, keyLimitReached, keyVersionLimitReached } from './store_refusal.ts';

/** Changes of keys with their versions, inside a transaction that is under way; one that throws is rolled back by whoever began it. */
export class SqliteKeyChanges {
  readonly #intents: SqliteIntents;
  readonly #addKey: StatementSync;
  readonly #replaceKey: StatementSync;
  readonly #removeKey: StatementSync;
  readonly #countKey: StatementSync;
  readonly #uncountKey: StatementSync;
  readonly #addVersion: StatementSync;
  readonly #replaceVersion: StatementSync;
  readonly #putCount: StatementSync;

  constructor(database: DatabaseSync, intents: SqliteIntents) {
    this.#intents = intents;
    this.#addKey = database.prepare(`${insertInto('key', KEY_COLUMNS)} ON CONFLICT DO NOTHING`);
    this.#replaceKey = database.prepare(
      `UPDATE key SET ${assignmentsOf(KEY_COLUMNS)} WHERE name = :name AND revision = :expected`,
    );
    this.#removeKey = database.prepare('DELETE FROM key WHERE name = ? AND revision = ?');
    this.#countKey = database.prepare("UPDATE tally SET count = count + 1 WHERE subject = 'keys' AND count < ?");
    this.#uncountKey = database.prepare("UPDATE tally SET count = count - 1 WHERE subject = 'keys'");
    this.#addVersion = database.prepare(`${insertInto('key_version', KEY_VERSION_COLUMNS)} ON CONFLICT DO NOTHING`);
    this.#replaceVersion = database.prepare(
      `UPDATE key_version SET ${assignmentsOf(KEY_VERSION_COLUMNS)} WHERE name = :name AND version = :version`,
    );
    this.#putCount = database.prepare('INSERT INTO encryption_count (name, version, reserved) VALUES (?, ?, ?)');
  }

  /** @throws StrongroomError `Conflict` or `BadParameter`, as `Store.changeKey` has them */
  change(change: KeyChangeRows, limits: KeyLimits): void {
    const { name, expectedRevision, key } = change;
    if (key === undefined) this.#remove(name, expectedRevision);
    else if (expectedRevision === undefined) this.#add(key, limits);
    else this.#replace(key, expectedRevision);
    const added = change.versions.filter((row) => this.#putVersion(row)).length;
    if (key !== undefined && added > 0 && key.versions > limits.versionsPerKey) {
      throw keyVersionLimitReached(name, limits.versionsPerKey);
    }
    for (const { version, encryptions } of change.encryptions) this.#putCount.run(name, version, encryptions);
    for (const id of change.endedIntents) this.#intents.end(id);
    for (const row of change.newIntents) this.#intents.add(row);
  }

  #add(key: KeyRow, limits: KeyLimits): void {
    if (this.#addKey.run({ ...key }).changes === 0) throw keyChanged(key.name);
    if (this.#countKey.run(limits.keys).changes === 0) throw keyLimitReached(limits.keys);
  }

  #replace(key: KeyRow, expected: number): void {
    if (this.#replaceKey.run({ ...key, expected }).changes === 0) throw keyChanged(key.name);
  }

  /** Versions and their counts go with the key: the schema says so. */
  #remove(name: string, expectedRevision: number | undefined): void {
    if (this.#removeKey.run(name, expectedRevision ?? null).changes === 0) throw keyChanged(name);
    this.#uncountKey.run();
  }

  /** Whether it is one that was not there before. */
  #putVersion(row: KeyVersionRow): boolean {
    if (this.#addVersion.run({ ...row }).changes !== 0) return true;
    this.#replaceVersion.run({ ...row });
    return false;
  }
}
