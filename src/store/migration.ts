import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { StrongroomError } from '../model/errors.ts';

/** One step of the schema. Steps go forward only, and a step that was taken is never edited: a database remembers the text's hash. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

const FILE_NAME = /^(\d{4})_([a-z0-9_]+)\.sql$/;

/** The steps in a folder, in order. @throws TypeError when the files are not numbered 1, 2, 3 … */
export function readMigrations(folder: URL): Migration[] {
  const names = readdirSync(folder).sort();
  return names.map((fileName, index) => {
    const match = FILE_NAME.exec(fileName);
    if (match === null || Number(match[1]) !== index + 1) {
      throw new TypeError(`Expected a migration with the number ${index + 1}, found ${fileName}.`);
    }
    return { number: index + 1, name: match[2] as string, sql: readFileSync(new URL(fileName, folder), 'utf8') };
  });
}

/**
 * Takes the steps that the database lacks, each in a transaction of its own.
 * @throws StrongroomError `ServiceUnavailable`: `StoreTooNew` when the database knows steps that this program does not,
 * `StoreSchemaChanged` when one that it has taken was another than the one of that number here.
 */
export function migrate(database: DatabaseSync, migrations: readonly Migration[]): void {
  database.exec(
    `CREATE TABLE IF NOT EXISTS migration (
       number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied INTEGER NOT NULL
     ) STRICT`,
  );
  const taken = database.prepare('SELECT number, name, sha256 FROM migration ORDER BY number').all();
  for (const [index, row] of taken.entries()) {
    const known = migrations[index];
    if (known === undefined) throw tooNew(migrations.length, taken.length);
    if (row.number !== known.number || row.sha256 !== hashOf(known)) throw changed(known);
  }
  for (const migration of migrations.slice(taken.length)) apply(database, migration);
}

function apply(database: DatabaseSync, migration: Migration): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    database.exec(migration.sql);
    database
      .prepare('INSERT INTO migration (number, name, sha256, applied) VALUES (?, ?, ?, unixepoch())')
      .run(migration.number, migration.name, hashOf(migration));
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function hashOf({ sql }: Migration): string {
  return createHash('sha256').update(sql).digest('hex');
}

function tooNew(known: number, found: number): StrongroomError {
  return new StrongroomError(
    'ServiceUnavailable',
    `The store has schema ${found}, and this version of Strongroom knows ${known}: it was opened by a newer version before.`,
    { innerCode: 'StoreTooNew' },
  );
}

function changed({ number, name }: Migration): StrongroomError {
  return new StrongroomError(
    'ServiceUnavailable',
    `The store was made with another text of schema step ${number} (${name}) than this version of Strongroom has.`,
    { innerCode: 'StoreSchemaChanged' },
  );
}
