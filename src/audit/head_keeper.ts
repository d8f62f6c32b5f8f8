import type { HashChain } from './hash_chain.ts';
import type { OnTrouble } from './ledger.ts';
import { type HeadSigner, type SignedHead, signHead } from './tree_head.ts';

export interface HeadKeeperOptions {
  readonly chain: HashChain;
  readonly signer: HeadSigner;
  readonly everyRecords: number;
  readonly everyMs: number;
  readonly onSigned: (head: SignedHead) => void;
  readonly onTrouble: OnTrouble;
}

/** Has the head of the tree signed after so many lines, or so much time with lines in it. Lines do not wait for a signature. */
export class HeadKeeper {
  readonly #options: HeadKeeperOptions;
  readonly #timer: NodeJS.Timeout;
  #unsigned = 0;
  #signing: Promise<void> | undefined;

  constructor(options: HeadKeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#sign(), options.everyMs).unref();
  }

  /** One more line that is no head. */
  note(): void {
    this.#unsigned++;
    if (this.#unsigned >= this.#options.everyRecords) this.#sign();
  }

  /** Over all lines that there are, in so far as the signer answers. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#signing;
    this.#sign();
    await this.#signing;
  }

  #sign(): void {
    if (this.#signing !== undefined || this.#unsigned === 0) return;
    const covered = this.#unsigned;
    this.#unsigned = 0;
    this.#signing = this.#signNow().then(
      () => {
        this.#signing = undefined;
      },
      (error: unknown) => {
        this.#signing = undefined;
        // Not at once again: the timer, or the next line after a good many, comes back to it.
        this.#unsigned += covered;
        this.#options.onTrouble('the head of the audit log could not be signed', error);
      },
    );
  }

  async #signNow(): Promise<void> {
    const { chain, signer, onSigned } = this.#options;
    const { tree } = chain;
    const head = {
      chain: chain.chain,
      treeSize: tree.size,
      rootHash: tree.root().toString('hex'),
      time: new Date().toISOString(),
    };
    onSigned(await signHead(head, signer));
  }
}
