import { LIMITS } from '../model/limits.ts';
import type { TaskRun } from './task_run.ts';

const SWEEP_MS = 50;

/** Work that waits for a host to come up, each within its own deadline. */
export class ParkedRuns {
  #runs: TaskRun[] = [];
  #timer: NodeJS.Timeout | undefined;

  get count(): number {
    return this.#runs.length;
  }

  add(run: TaskRun): void {
    if (this.#runs.length >= LIMITS.operationsAdmitted) {
      run.fail('Throttled');
      return;
    }
    this.#runs.push(run);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** A host is there: all start again. */
  startAll(): void {
    for (const run of this.#takeAll()) run.start();
  }

  /** Nothing comes up before `untilMs` (in the time of `performance.now()`): whoever cannot wait so long fails now. */
  failBefore(untilMs: number, cause: unknown): void {
    const retryAfterMs = Number.isFinite(untilMs) ? untilMs - performance.now() : undefined;
    for (const run of this.#takeAll()) {
      if (run.task.deadline < untilMs) run.fail('ServiceUnavailable', cause, retryAfterMs);
      else this.add(run);
    }
  }

  #sweep(): void {
    const now = performance.now();
    for (const run of this.#takeAll()) {
      if (run.task.deadline <= now) run.fail('Timeout');
      else this.add(run);
    }
  }

  #takeAll(): TaskRun[] {
    const runs = this.#runs;
    this.#runs = [];
    clearInterval(this.#timer);
    this.#timer = undefined;
    return runs;
  }
}
