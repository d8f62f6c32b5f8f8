import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Completion, HsmHost, RingRequest } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';

/**
 * Runs tasks one after the other, each when the one before has ended: for modules that race with themselves when objects of the token are
 * made. Before each, the instance that does it looks at the token: an instance of SoftHSM that has not seen the last change does not announce
 * its own, and then the others never find the new object.
 */
export class SerialTasks {
  readonly #look: (host: HsmHost) => Promise<unknown>;
  readonly #waiting: (() => void)[] = [];
  #busy = false;

  constructor(look: (host: HsmHost) => Promise<unknown>) {
    this.#look = look;
  }

  add(task: HsmTask, run: (task: HsmTask) => void): void {
    if (this.#waiting.length >= LIMITS.operationsAdmitted) {
      task.fail(new StrongroomError('Throttled', 'Too many operations wait to change the token.'));
      return;
    }
    const serial = new SerialTask(task, this.#look, () => this.#ended());
    this.#waiting.push(() => run(serial));
    if (!this.#busy) this.#next();
  }

  #next(): void {
    const run = this.#waiting.shift();
    this.#busy = run !== undefined;
    run?.();
  }

  #ended(): void {
    // Not from inside the task's own end: a row of tasks that fail at once would pile up on the stack.
    setImmediate(() => this.#next());
  }
}

class SerialTask implements HsmTask {
  readonly #task: HsmTask;
  readonly #look: (host: HsmHost) => Promise<unknown>;
  readonly #ended: () => void;

  constructor(task: HsmTask, look: (host: HsmHost) => Promise<unknown>, ended: () => void) {
    this.#task = task;
    this.#look = look;
    this.#ended = ended;
  }

  get effect(): 'pure' | 'mutating' {
    return this.#task.effect;
  }

  get input(): 'caller' | 'engine' {
    return this.#task.input;
  }

  get deadline(): number {
    return this.#task.deadline;
  }

  get suits(): HsmTask['suits'] {
    return this.#task.suits === undefined ? undefined : (token) => this.#task.suits?.(token) ?? true;
  }

  prefers(host: HsmHost): boolean {
    return this.#task.prefers(host);
  }

  async prepare(host: HsmHost): Promise<RingRequest> {
    await this.#look(host);
    return this.#task.prepare(host);
  }

  release(host: HsmHost): void {
    this.#task.release(host);
  }

  leave(host: HsmHost): () => void {
    return this.#task.leave(host);
  }

  check(completion: Completion, host: HsmHost): boolean | Promise<boolean> {
    return this.#task.check(completion, host);
  }

  settle(completion: Completion): void {
    this.#ended();
    this.#task.settle(completion);
  }

  fail(error: StrongroomError): void {
    this.#ended();
    this.#task.fail(error);
  }

  forget(host: HsmHost): void {
    this.#task.forget(host);
  }
}
