import type { DatabaseSync } from 'node:sqlite';
import { type Migration, migrationHash, missingMigrations, type TakenMigration } from './migration.ts';

/**
 * Takes the steps that the database lacks, each in a transaction of its own.
 * @throws StrongroomError `ServiceUnavailable`, with innerCode `StoreTooNew` or `StoreSchemaChanged`
 */
export function migrateSqlite(database: DatabaseSync, migrations: readonly Migration[]): void {
  database.exec(
    `CREATE TABLE IF NOT EXISTS migration (
       number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied INTEGER NOT NULL
     ) STRICT`,
  );
  const taken = database.prepare('SELECT number, sha256 FROM migration ORDER BY number').all();
  for (const migration of missingMigrations(migrations, taken as unknown as TakenMigration[])) {
    apply(database, migration);
  }
}

function apply(database: DatabaseSync, migration: Migration): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(migration.sql);
    database
      .prepare('INSERT INTO migration (number, name, sha256, applied) VALUES (?, ?, ?, unixepoch())')
      .run(migration.number, migration.name, migrationHash(migration));
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
