import { HostsOfToken } from './hosts_of_token.ts';
import type { OpenToken } from './open_token.ts';
import type { RingHost } from './ring_host.ts';
import type { TaskRun } from './task_run.ts';

/** One host and no other, for work with handles that mean nothing elsewhere. */
export class PinnedHost extends HostsOfToken {
  readonly #host: RingHost;

  constructor(token: OpenToken, host: RingHost) {
    super(token);
    this.#host = host;
  }

  choose(): RingHost | undefined {
    return this.#host.alive ? this.#host : undefined;
  }

  park(run: TaskRun): void {
    run.fail('ServiceUnavailable', new Error(`The HSM host ${this.#host.id} is gone`));
  }
}
