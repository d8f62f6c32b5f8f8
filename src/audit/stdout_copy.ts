import type { Writable } from 'node:stream';
import { LIMITS } from '../model/limits.ts';
import type { LineBatch, LineCopy, OnTrouble } from './ledger.ts';

/** Lines on the standard output, for whatever collects it. What does not read them gets no more than there is room for. */
export class StdoutCopy implements LineCopy {
  readonly #output: Writable;
  readonly #onTrouble: OnTrouble;
  #isLeavingOut = false;

  constructor(output: Writable, onTrouble: OnTrouble) {
    this.#output = output;
    this.#onTrouble = onTrouble;
  }

  offer({ text }: LineBatch): void {
    const isFull = this.#output.writableLength + text.length > LIMITS.auditCopyBytes;
    if (isFull && !this.#isLeavingOut) this.#onTrouble('records are left out of stdout', new Error('It takes none.'));
    this.#isLeavingOut = isFull;
    if (!isFull) this.#output.write(text);
  }

  /** What was offered is handed over when it resolves. The stream is not ours to end. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#output.write('', () => resolve()));
  }
}
