import type { HsmTask } from './hsm_task.ts';
import type { OpenToken } from './open_token.ts';
import type { RingHost } from './ring_host.ts';
import type { Suspicion, TaskHosts, TaskRun } from './task_run.ts';

/** Hosts of one token, for work that no other token can do: whatever is wrong with it, there is none to go to. */
export abstract class HostsOfToken implements TaskHosts {
  protected readonly token: OpenToken;

  constructor(token: OpenToken) {
    this.token = token;
  }

  abstract choose(task: HsmTask, excluded: RingHost | undefined): RingHost | undefined;

  abstract park(run: TaskRun): void;

  get unfit(): boolean {
    return this.token.group.unfit;
  }

  suspect(host: RingHost, suspicion: Suspicion): void {
    this.token.suspect(host, suspicion);
  }

  lied(host: RingHost): void {
    this.token.lied(host);
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

  offersQuicker(): boolean {
    return false;
  }
}
