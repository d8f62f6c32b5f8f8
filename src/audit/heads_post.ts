import { LIMITS } from '../model/limits.ts';
import type { HeadCopy } from './ledger.ts';
import type { SignedHead } from './tree_head.ts';

/** Signed heads, each by an HTTP POST to whoever keeps them. One that does not arrive is covered by the next. */
export class HeadsPost implements HeadCopy {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async keep(head: SignedHead): Promise<void> {
    const answer = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(head),
      redirect: 'error',
      signal: AbortSignal.timeout(LIMITS.auditHeadPostMs),
    });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`It was answered with ${answer.status}.`);
  }
}
