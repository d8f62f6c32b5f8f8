import { type KeyObject, randomUUID } from 'node:crypto';
import type { AuditTable, ClaimedChain } from './audit_table.ts';
import type { DirectoryLock } from './directory_lock.ts';
import type { Ledger, LedgerOrigin, LineBatch } from './ledger.ts';
import { readTail } from './ledger_tail.ts';
import { TablePart } from './log_table.ts';

export interface TableLedgerOptions {
  readonly table: AuditTable;
  /** Of the server's own directory, which tells it from the others. */
  readonly lock: DirectoryLock;
  /** Of the audit key: a log that another token has signed is not gone on with. */
  readonly publicKey: KeyObject;
}

/**
 * Lines in a table of a database that servers share. Each server has a chain of its own, found again by the place of its directory. Two that
 * take themselves for the same (a machine was cloned) cannot both go on: the one that came last has the chain, and the other is refused.
 */
export class TableLedger implements Ledger {
  readonly origin: LedgerOrigin;
  readonly #table: AuditTable;
  readonly #lock: DirectoryLock;
  readonly #writer: string;
  #current: ClaimedChain | undefined;

  private constructor(
    { table, lock }: TableLedgerOptions,
    writer: string,
    current: ClaimedChain | undefined,
    tail: LedgerOrigin['tail'],
  ) {
    this.origin = { place: lock.place, tail, follows: undefined };
    this.#table = table;
    this.#lock = lock;
    this.#writer = writer;
    this.#current = current;
  }

  /** @throws StrongroomError `ServiceUnavailable`, with innerCode `AuditLogBroken` for a chain that does not hold */
  static async open(options: TableLedgerOptions): Promise<TableLedger> {
    const { table, lock, publicKey } = options;
    const writer = randomUUID();
    const claimed = await table.claim(lock.place, writer);
    const part = claimed && new TablePart(table, claimed.chain, claimed.part);
    return new TableLedger(options, writer, claimed, part && (await readTail(part, publicKey)));
  }

  async append({ text, first, startsFile }: LineBatch): Promise<void> {
    const lines = text.trimEnd().split('\n');
    if (startsFile) this.#current = { chain: chainOf(lines[0] as string), part: first };
    if (this.#current === undefined) throw new TypeError('A log begins with a part.');
    const { place } = this.#lock;
    await this.#table.add({ ...this.#current, place, writer: this.#writer, first, lines });
  }

  async close(): Promise<void> {
    this.#lock.close();
    await this.#table.close();
  }
}

function chainOf(line: string): string {
  return (JSON.parse(line) as { readonly chain: string }).chain;
}
