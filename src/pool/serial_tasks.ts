import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Completion, HsmHost, RingRequest } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';

/** Runs tasks one after the other, each when the one before has ended: for modules that race with themselves when objects of the token are made. */
export class SerialTasks {
  readonly #waiting: (() => void)[] = [];
  #busy = false;

  add(task: HsmTask, run: (task: HsmTask) => void): void {
    if (this.#waiting.length >= LIMITS.operationsAdmitted) {
      task.fail(new StrongroomError('Throttled', 'Too many operations wait to change the token.'));
      return;
    }
    const serial = new SerialTask(task, () => this.#ended());
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
  readonly #ended: () => void;

  constructor(task: HsmTask, ended: () => void) {
    this.#task = task;
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

  prefers(host: HsmHost): boolean {
    return this.#task.prefers(host);
  }

  prepare(host: HsmHost): RingRequest | Promise<RingRequest> {
    return this.#task.prepare(host);
  }

  release(host: HsmHost): void {
    this.#task.release(host);
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
