import type { Value } from './postgres_connections.ts';

/** A statement that puts so many rows into a table, the values of each row in the order of the columns. */
export function insertInto(table: string, columns: readonly string[], rows = 1): string {
  const tuples = Array.from({ length: rows }, (_row, row) => {
    const places = columns.map((_column, column) => `$${row * columns.length + column + 1}`);
    return `(${places.join(', ')})`;
  });
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${tuples.join(', ')}`;
}

/** Assigns every column, the first from the first value. */
export function assignmentsOf(columns: readonly string[]): string {
  return columns.map((column, index) => `${column} = $${index + 1}`).join(', ');
}

export function valuesOf<Row>(columns: readonly (keyof Row)[], row: Row): Value[] {
  return columns.map((column) => row[column] as Value);
}
