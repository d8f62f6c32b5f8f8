import type { DispatchedTask } from './dispatched_task.ts';

/** Operations of one key that wait, in the order in which they came, and the queue's place in the round of all queues. */
export class TaskQueue {
  length = 0;
  /** Neighbours in the round; undefined while nothing waits here. Written by the dispatcher alone. */
  before: TaskQueue | undefined = undefined;
  after: TaskQueue | undefined = undefined;
  #first: DispatchedTask | undefined;
  #last: DispatchedTask | undefined;

  push(task: DispatchedTask): void {
    task.ahead = this.#last;
    if (this.#last === undefined) this.#first = task;
    else this.#last.behind = task;
    this.#last = task;
    this.length += 1;
  }

  shift(): DispatchedTask | undefined {
    const task = this.#first;
    if (task !== undefined) this.remove(task);
    return task;
  }

  /** Only for a task that is in this queue. */
  remove(task: DispatchedTask): void {
    const { ahead, behind } = task;
    if (ahead === undefined) this.#first = behind;
    else ahead.behind = behind;
    if (behind === undefined) this.#last = ahead;
    else behind.ahead = ahead;
    task.ahead = undefined;
    task.behind = undefined;
    this.length -= 1;
  }
}
