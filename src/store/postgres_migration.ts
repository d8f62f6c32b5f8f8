import { type Migration, migrationHash, missingMigrations, type TakenMigration } from './migration.ts';
import type { PostgresConnections, Transaction } from './postgres_connections.ts';

/**
 * Takes the steps that the database lacks, each in a transaction of its own, in which the step's number comes first: of servers that start
 * together one takes it, and the others find it taken.
 * @throws StrongroomError `ServiceUnavailable`, with innerCode `StoreTooNew` or `StoreSchemaChanged`
 */
export async function migratePostgres(
  connections: PostgresConnections,
  migrations: readonly Migration[],
): Promise<void> {
  const { rows } = await connections.read('SELECT version() AS product');
  const product = String(rows[0]?.product);
  await connections.read(
    `CREATE TABLE IF NOT EXISTS migration (
       number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied TIMESTAMPTZ NOT NULL
     )`,
  );
  while (await connections.transact((transaction) => takeNext(transaction, migrations, product)));
}

/** CockroachDB compares texts by their bytes in any case, and does not know the words that have PostgreSQL do so. */
export function textFor(product: string, sql: string): string {
  return product.startsWith('CockroachDB') ? sql.replaceAll(' COLLATE "C"', '') : sql;
}

/** False when there was none left to take. */
async function takeNext(transaction: Transaction, migrations: readonly Migration[], product: string): Promise<boolean> {
  const { rows } = await transaction.run('SELECT number, sha256 FROM migration ORDER BY number');
  const [next] = missingMigrations(migrations, rows as unknown as TakenMigration[]);
  if (next === undefined) return false;
  await transaction.run(
    'INSERT INTO migration (number, name, sha256, applied) VALUES ($1, $2, $3, clock_timestamp())',
    [next.number, next.name, migrationHash(next)],
  );
  await transaction.run(textFor(product, next.sql));
  return true;
}
