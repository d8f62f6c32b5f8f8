import { chooseHost } from './host_choice.ts';
import { HostsOfToken } from './hosts_of_token.ts';
import type { HsmTask } from './hsm_task.ts';
import type { OpenToken } from './open_token.ts';
import type { RingHost } from './ring_host.ts';
import type { TaskRun } from './task_run.ts';
import type { TokenSet } from './token_set.ts';

/** The hosts of one token of a pool and no other's, for work with objects that no other has. */
export class PinnedToken extends HostsOfToken {
  readonly #tokens: TokenSet;

  constructor(tokens: TokenSet, token: OpenToken) {
    super(token);
    this.#tokens = tokens;
  }

  choose(task: HsmTask, excluded: RingHost | undefined): RingHost | undefined {
    return chooseHost(this.token.group.hosts, task, excluded);
  }

  park(run: TaskRun): void {
    this.#tokens.parkFor(run, this.token);
  }
}
