import type { RingOperation } from '../pkcs11/binding.ts';
import type { Reaction } from '../pkcs11/return_value.ts';
import { chooseHost } from './host_choice.ts';
import type { HsmTask } from './hsm_task.ts';
import type { OpenToken } from './open_token.ts';
import type { RingHost } from './ring_host.ts';
import type { TaskHosts, TaskRun } from './task_run.ts';
import type { TokenSet } from './token_set.ts';

/** The hosts of one token of a pool and no other's, for work with objects that no other has. */
export class PinnedToken implements TaskHosts {
  readonly #tokens: TokenSet;
  readonly #token: OpenToken;

  constructor(tokens: TokenSet, token: OpenToken) {
    this.#tokens = tokens;
    this.#token = token;
  }

  get unfit(): boolean {
    return this.#token.group.unfit;
  }

  choose(task: HsmTask, excluded: RingHost | undefined): RingHost | undefined {
    return chooseHost(this.#token.group.hosts, task, excluded);
  }

  park(run: TaskRun): void {
    this.#tokens.parkFor(run, this.#token);
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
