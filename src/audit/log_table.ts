import type { AuditTable } from './audit_table.ts';
import type { LogPart, LogSource } from './log_source.ts';

const LINES_AT_ONCE = 1_000;

/** One chain of a table, also while a server writes it. */
export function logInTable(table: AuditTable, chain: string): LogSource {
  return {
    parts: async () => (await table.listParts(chain)).map((first) => new TablePart(table, chain, first)),
  };
}

/** A part of a chain in a table. It has no torn lines: a database keeps whole ones or none. */
export class TablePart implements LogPart {
  readonly name: string;
  readonly first: number;
  readonly tornBytes = 0;
  bytes = 0;
  readonly #table: AuditTable;
  readonly #chain: string;
  #last: number;

  constructor(table: AuditTable, chain: string, first: number) {
    this.#table = table;
    this.#chain = chain;
    this.first = first;
    this.name = `${chain}/${first}`;
    this.#last = first - 1;
  }

  async *lines(): AsyncGenerator<readonly Buffer[]> {
    for (;;) {
      const texts = await this.#table.readLines(this.#chain, this.first, this.#last, LINES_AT_ONCE);
      if (texts.length === 0) return;
      this.#last += texts.length;
      const lines = texts.map((text) => Buffer.from(text, 'utf8'));
      this.bytes += lines.reduce((sum, line) => sum + line.length + 1, 0);
      yield lines;
    }
  }
}
