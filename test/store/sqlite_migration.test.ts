import { appendFileSync, cpSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { readMigrations } from '../../src/store/migration.ts';
import { migrateSqlite } from '../../src/store/sqlite_migration.ts';

const MIGRATIONS = new URL('../../src/store/migrations/sqlite/', import.meta.url);

async function copiedMigrations(t: ExecutionContext): Promise<{ path: string; url: URL }> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-migrations-'));
  t.teardown(() => rm(folder, { recursive: true }));
  cpSync(MIGRATIONS, folder, { recursive: true });
  return { path: folder, url: pathToFileURL(`${folder}/`) };
}

test('steps are taken once, and a database whose schema came from other text is refused', async (t) => {
  const { path, url } = await copiedMigrations(t);
  const database = new DatabaseSync(':memory:');
  migrateSqlite(database, readMigrations(url));
  migrateSqlite(database, readMigrations(url));
  appendFileSync(join(path, '0001_keys.sql'), '-- edited\n');
  const error = t.throws(() => migrateSqlite(database, readMigrations(url)), { instanceOf: StrongroomError });
  t.is(error?.innerCode, 'StoreSchemaChanged');
});

test('a schema step that fails leaves nothing of itself', (t) => {
  const database = new DatabaseSync(':memory:');
  const first = { number: 1, name: 'first', sql: 'CREATE TABLE one (a INTEGER)' };
  const broken = { number: 2, name: 'broken', sql: 'CREATE TABLE two (a INTEGER); CREATE TABLE one (a INTEGER)' };
  t.throws(() => migrateSqlite(database, [first, broken]));
  t.deepEqual(
    database
      .prepare("SELECT name FROM sqlite_schema WHERE name IN ('one', 'two')")
      .all()
      .map(({ name }) => name),
    ['one'],
  );
  t.is(database.prepare('SELECT count(*) AS count FROM migration').get()?.count, 1);
});

test('a gap in the numbers of schema steps is a mistake of the program', async (t) => {
  const { path, url } = await copiedMigrations(t);
  writeFileSync(join(path, '0099_later.sql'), '');
  t.throws(() => readMigrations(url), { instanceOf: TypeError });
});
