import { StrongroomError } from '../model/errors.ts';
import type { HsmTask } from '../pool/hsm_task.ts';
import { aborted, type DispatchedTask, type TaskOwner } from './dispatched_task.ts';
import type { TaskQueue } from './task_queue.ts';

/** What the dispatcher needs of a pool. */
export interface TaskPool {
  readonly room: number;
  readonly capacity: number;
  run(task: HsmTask): void;
  onRoom(listener: () => void): void;
}

export interface DispatcherLimits {
  readonly operationsAdmitted: number;
  readonly operationsQueuedPerKey: number;
}

const RETRY_AFTER_MS = 1_000;
const SWEEP_MS = 50;

/**
 * Admits operations up to a bound, holds each to its deadline, and hands them to the pool: at once while the pool has room, otherwise key
 * by key in turn, so that a flood on one key makes the others wait for one operation and not for the flood.
 */
export class Dispatcher implements TaskOwner {
  readonly #pool: TaskPool;
  readonly #limits: DispatcherLimits;
  #admitted = 0;
  #waiting = 0;
  /** All tasks that were admitted, in that order. */
  #earliest: DispatchedTask | undefined;
  #latest: DispatchedTask | undefined;
  /** The queue whose turn it is; the queues with tasks form a ring. */
  #turn: TaskQueue | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #onIdle: (() => void) | undefined;

  constructor(pool: TaskPool, limits: DispatcherLimits) {
    this.#pool = pool;
    this.#limits = limits;
    pool.onRoom(this.#serve);
  }

  /** Operations that wait or run. */
  get admitted(): number {
    return this.#admitted;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Takes an operation in, or refuses it at once: `Throttled`, `ServiceUnavailable` after `close`. The refusal is the task's answer. */
  admit(task: DispatchedTask): void {
    const refusal = this.#refusalOf(task);
    if (refusal !== undefined) {
      task.refuse(refusal);
      return;
    }
    this.#admitted += 1;
    this.#link(task);
    task.admitted(this);
    if (this.#waiting === 0 && this.#poolTakes()) this.#pool.run(task);
    else this.#enqueue(task);
  }

  /** One of the admitted for something that is to become an operation yet. @throws StrongroomError as `admit` refuses. */
  hold(): void {
    if (this.#closed) throw closed();
    if (this.#admitted >= this.#limits.operationsAdmitted) throw throttled();
    this.#admitted += 1;
  }

  letGo(): void {
    this.#admitted -= 1;
    this.#lookForIdle();
  }

  finished(task: DispatchedTask): void {
    this.#unlink(task);
    this.letGo();
  }

  withdraw(task: DispatchedTask): void {
    const { queue } = task;
    queue.remove(task);
    if (queue.length === 0) this.#leaveRound(queue);
    task.waits = false;
    this.#waiting -= 1;
    this.finished(task);
  }

  /** Refuses from now on, waits for what was admitted for at most `drainMs`, and gives up the rest. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true;
    if (this.#admitted > 0) {
      const idle = new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      const timer = setTimeout(() => this.#onIdle?.(), drainMs);
      await idle;
      clearTimeout(timer);
    }
    for (let task = this.#earliest; task !== undefined; ) {
      const { later } = task;
      task.giveUp(closed());
      task = later;
    }
    clearInterval(this.#timer);
  }

  #refusalOf(task: DispatchedTask): StrongroomError | undefined {
    if (this.#closed) return closed();
    if (task.aborted) return aborted();
    if (this.#admitted >= this.#limits.operationsAdmitted) return throttled();
    if (task.queue.length >= this.#limits.operationsQueuedPerKey) return throttled();
    return undefined;
  }

  /** Without a host the pool knows best whether one comes up in time, so it gets the task all the same. */
  #poolTakes(): boolean {
    return this.#pool.room > 0 || this.#pool.capacity === 0;
  }

  #enqueue(task: DispatchedTask): void {
    const { queue } = task;
    if (queue.length === 0) this.#joinRound(queue);
    queue.push(task);
    task.waits = true;
    this.#waiting += 1;
  }

  /** The pool has room: one task of each key in turn. */
  readonly #serve = (): void => {
    while (this.#turn !== undefined && this.#poolTakes()) {
      const queue: TaskQueue = this.#turn;
      const task = queue.shift() as DispatchedTask;
      this.#turn = queue.after;
      if (queue.length === 0) this.#leaveRound(queue);
      task.waits = false;
      this.#waiting -= 1;
      this.#pool.run(task);
    }
  };

  /** Last in the round: behind everyone whose turn comes before a full circle. */
  #joinRound(queue: TaskQueue): void {
    const turn = this.#turn;
    if (turn === undefined) {
      queue.before = queue;
      queue.after = queue;
      this.#turn = queue;
      return;
    }
    const last = turn.before as TaskQueue;
    queue.before = last;
    queue.after = turn;
    last.after = queue;
    turn.before = queue;
  }

  #leaveRound(queue: TaskQueue): void {
    const before = queue.before as TaskQueue;
    const after = queue.after as TaskQueue;
    if (after === queue) this.#turn = undefined;
    else {
      before.after = after;
      after.before = before;
      if (this.#turn === queue) this.#turn = after;
    }
    queue.before = undefined;
    queue.after = undefined;
  }

  #link(task: DispatchedTask): void {
    task.earlier = this.#latest;
    if (this.#latest === undefined) this.#earliest = task;
    else this.#latest.later = task;
    this.#latest = task;
    this.#timer ??= setInterval(this.#sweep, SWEEP_MS);
  }

  #unlink(task: DispatchedTask): void {
    const { earlier, later } = task;
    if (earlier === undefined) this.#earliest = later;
    else earlier.later = later;
    if (later === undefined) this.#latest = earlier;
    else later.earlier = earlier;
    task.earlier = undefined;
    task.later = undefined;
  }

  /** Tasks have deadlines of their own, so all are looked at; the timer rests when there is nothing to look at. */
  readonly #sweep = (): void => {
    if (this.#earliest === undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (let task: DispatchedTask | undefined = this.#earliest; task !== undefined; ) {
      const later: DispatchedTask | undefined = task.later;
      if (task.deadline <= now) task.giveUp(timedOut());
      task = later;
    }
  };

  #lookForIdle(): void {
    if (this.#admitted === 0) this.#onIdle?.();
  }
}

export function timedOut(): StrongroomError {
  return new StrongroomError('Timeout', 'The operation was not done in time.');
}

function throttled(): StrongroomError {
  return new StrongroomError('Throttled', 'Too many operations wait for the HSM.', { retryAfterMs: RETRY_AFTER_MS });
}

function closed(): StrongroomError {
  return new StrongroomError('ServiceUnavailable', 'The key engine is closed.');
}
