import { type KeyObject, randomUUID } from 'node:crypto';
import type { AuditTable, ClaimedChain } from './audit_table.ts';
import type { DirectoryLock } from './directory_lock.ts';
import type { Ledger, LedgerOrigin, LineBatch } from './ledger.ts';
import { readFormerTail, readTail } from './ledger_tail.ts';
import { TablePart } from './log_table.ts';

export interface TableLedgerOptions {
  readonly table: AuditTable;
  /** Of the server's own directory, which tells it from the others. */
  readonly lock: DirectoryLock;
  /** Of the audit key: a log that another token has signed is not gone on with. */
  readonly publicKey: KeyObject;
  /** Of the audit key before a recovery: a log that ends with it is not gone on with, and stays. */
  readonly formerKey?: KeyObject | undefined;
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
    { tail, follows }: Pick<LedgerOrigin, 'tail' | 'follows'>,
  ) {
    this.origin = { place: lock.place, tail, follows };
    this.#table = table;
    this.#lock = lock;
    this.#writer = writer;
    this.#current = current;
  }

  /** @throws StrongroomError `ServiceUnavailable`, with innerCode `AuditLogBroken` for a chain that does not hold */
  static async open(options: TableLedgerOptions): Promise<TableLedger> {
    const { table, lock, publicKey, formerKey } = options;
    const writer = randomUUID();
    const claimed = await table.claim(lock.place, writer);
    const lastPart = (): TablePart | undefined => claimed && new TablePart(table, claimed.chain, claimed.part);
    const former = await readFormerTail(lastPart(), formerKey);
    if (former !== undefined) {
      const { chain, tree } = former.state;
      await table.release(chain);
      const end = { chain, treeSize: tree.size, rootHash: tree.root().toString('hex') };
      return new TableLedger(options, writer, undefined, { tail: undefined, follows: { reason: 'recovery', end } });
    }
    const part = lastPart();
    const tail = part && (await readTail(part, publicKey));
    return new TableLedger(options, writer, claimed, { tail, follows: undefined });
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
