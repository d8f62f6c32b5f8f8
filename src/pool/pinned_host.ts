import type { RingOperation } from '../pkcs11/binding.ts';
import type { Reaction } from '../pkcs11/return_value.ts';
import type { HostGroup } from './host_group.ts';
import type { HsmHost } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';
import type { RingHost } from './ring_host.ts';
import type { TaskHosts, TaskRun } from './task_run.ts';

/** One host of a group and no other, for work with handles that mean nothing elsewhere. */
export class PinnedHost implements TaskHosts {
  readonly #group: HostGroup;
  readonly #host: HsmHost;

  constructor(group: HostGroup, host: HsmHost) {
    this.#group = group;
    this.#host = host;
  }

  get unfit(): boolean {
    return this.#group.unfit;
  }

  choose(_task: HsmTask): RingHost | undefined {
    return this.#group.hosts.find((host) => host === this.#host && host.alive);
  }

  park(run: TaskRun): void {
    run.fail('ServiceUnavailable', new Error(`The HSM host ${this.#host.id} is gone`));
  }

  suspect(host: RingHost, operation: RingOperation, reaction: Reaction, reason: string): void {
    this.#group.suspect(host, operation, reaction, reason);
  }

  lied(host: RingHost): void {
    this.#group.lied(host);
  }
}
