import type { RingOperation } from '../pkcs11/binding.ts';
import type { Reaction } from '../pkcs11/return_value.ts';
import type { OpenToken } from './open_token.ts';
import type { RingHost } from './ring_host.ts';
import type { TaskHosts, TaskRun } from './task_run.ts';

/** One host and no other, for work with handles that mean nothing elsewhere. */
export class PinnedHost implements TaskHosts {
  readonly #token: OpenToken;
  readonly #host: RingHost;

  constructor(token: OpenToken, host: RingHost) {
    this.#token = token;
    this.#host = host;
  }

  get unfit(): boolean {
    return this.#token.group.unfit;
  }

  choose(): RingHost | undefined {
    return this.#host.alive ? this.#host : undefined;
  }

  park(run: TaskRun): void {
    run.fail('ServiceUnavailable', new Error(`The HSM host ${this.#host.id} is gone`));
  }

  suspect(host: RingHost, operation: RingOperation, reaction: Reaction, reason: string): void {
    this.#token.suspect(host, operation, reaction, reason);
  }

  lied(host: RingHost): void {
    this.#token.lied(host);
  }

  distrusts(): boolean {
    return this.unfit;
  }

  left(): boolean {
    return false;
  }

  offersOther(): boolean {
    return false;
  }
}
