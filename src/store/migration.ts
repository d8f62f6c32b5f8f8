import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { StrongroomError } from '../model/errors.ts';

/** One step of the schema. Steps go forward only, and a step that was taken is never edited: a database remembers the text's hash. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** What a database remembers of a step, by the columns of its table `migration`. */
export interface TakenMigration {
  readonly number: number;
  readonly sha256: string;
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

export function migrationHash({ sql }: Migration): string {
  return createHash('sha256').update(sql).digest('hex');
}

/**
 * The steps that a database lacks, which has taken those (by number).
 * @throws StrongroomError `ServiceUnavailable`: `StoreTooNew` when the database knows steps that this program does not,
 * `StoreSchemaChanged` when one that it has taken was another than the one of that number here.
 */
export function missingMigrations(
  migrations: readonly Migration[],
  taken: readonly TakenMigration[],
): readonly Migration[] {
  for (const [index, { number, sha256 }] of taken.entries()) {
    const known = migrations[index];
    if (known === undefined) throw tooNew(migrations.length, taken.length);
    if (number !== known.number || sha256 !== migrationHash(known)) throw changed(known);
  }
  return migrations.slice(taken.length);
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
