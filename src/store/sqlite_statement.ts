/** The beginning of an `INSERT` that takes a row by the names of its columns. */
export function insertInto(table: string, columns: readonly string[]): string {
  const places = columns.map((column) => `:${column}`).join(', ');
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`;
}

/** What an `UPDATE` sets to replace a row as a whole. */
export function assignmentsOf(columns: readonly string[]): string {
  return columns.map((column) => `${column} = :${column}`).join(', ');
}
