import type { StrongroomError } from '../model/errors.ts';
import { storeTampered } from './store_refusal.ts';

/** What a database gave, by the names of columns. */
export type RawRow = Readonly<Record<string, unknown>>;

/**
 * Reads the columns of one row and takes nothing that the column cannot have: a database is not believed.
 * @throws StrongroomError `StoreTampered`, from every method
 */
export class RowReader<Row> {
  readonly #row: RawRow;
  readonly #table: string;
  readonly #prefix: string;

  /** `prefix` is what the names of the columns begin with where the row is a join of several tables. */
  constructor(row: RawRow, table: string, prefix = '') {
    this.#row = row;
    this.#table = table;
    this.#prefix = prefix;
  }

  text(column: keyof Row & string): string {
    const value = this.#value(column);
    if (typeof value !== 'string') throw this.tampered(column);
    return value;
  }

  integer(column: keyof Row & string): number {
    const value = this.#value(column);
    if (!Number.isSafeInteger(value)) throw this.tampered(column);
    return value as number;
  }

  bytes(column: keyof Row & string): Uint8Array {
    const value = this.#value(column);
    if (!(value instanceof Uint8Array)) throw this.tampered(column);
    return value;
  }

  flag(column: keyof Row & string): boolean {
    return this.oneOf(column, [0, 1]) === 1;
  }

  absent(column: keyof Row & string): void {
    if (this.has(column)) throw this.tampered(column);
  }

  has(column: keyof Row & string): boolean {
    return this.#value(column) !== null;
  }

  optional<Value>(column: keyof Row & string, read: (column: keyof Row & string) => Value): Value | undefined {
    return this.has(column) ? read(column) : undefined;
  }

  oneOf<const Value>(column: keyof Row & string, values: readonly Value[]): Value {
    const value = values.find((each) => each === this.#value(column));
    if (value === undefined) throw this.tampered(column);
    return value;
  }

  /** A text of JSON, brought into its shape; `decode` answers undefined where it has not got that shape. */
  json<Value>(column: keyof Row & string, decode: (value: unknown) => Value | undefined): Value {
    const decoded = decode(this.#parsed(column));
    if (decoded === undefined) throw this.tampered(column);
    return decoded;
  }

  #parsed(column: keyof Row & string): unknown {
    try {
      return JSON.parse(this.text(column));
    } catch {
      throw this.tampered(column);
    }
  }

  tampered(column: keyof Row & string): StrongroomError {
    return storeTampered(new Error(`The column ${column} of ${this.#table} does not decode`));
  }

  #value(column: string): unknown {
    return this.#row[this.#prefix + column];
  }
}
