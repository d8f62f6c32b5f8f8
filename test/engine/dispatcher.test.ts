import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { BatchSlots } from '../../src/engine/batch.ts';
import { DispatchedTask } from '../../src/engine/dispatched_task.ts';
import { Dispatcher, type TaskPool } from '../../src/engine/dispatcher.ts';
import { TaskQueue } from '../../src/engine/task_queue.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import type { Completion, RingRequest } from '../../src/pool/hsm_host.ts';
import type { HsmTask } from '../../src/pool/hsm_task.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { refused } from '../fixtures/refused.ts';

/** Takes tasks up to a capacity, and ends them when the test says so. */
class FakePool implements TaskPool {
  capacity: number;
  readonly running: HsmTask[] = [];
  readonly taken: string[] = [];
  #tell: () => void = () => undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get room(): number {
    return Math.max(0, this.capacity - this.running.length);
  }

  run(task: HsmTask): void {
    this.running.push(task);
    this.taken.push((task as NamedTask).name);
  }

  onRoom(listener: () => void): void {
    this.#tell = listener;
  }

  /** The first that runs is answered, and the pool tells of the room. */
  answer(count = 1): void {
    for (let done = 0; done < count; done++) this.running.shift()?.settle(answered(new Uint8Array(3).fill(7)));
    this.#tell();
  }

  fail(error: StrongroomError): void {
    this.running.shift()?.fail(error);
    this.#tell();
  }
}

const answered = (answer: Uint8Array): Completion => ({
  outcome: 0,
  function: 0,
  returnValue: 0,
  answer,
  answerLength: answer.length,
  serviceTimeUs: 1,
});

class NamedTask extends DispatchedTask<Uint8Array> {
  readonly name: string;

  constructor(name: string, queue: TaskQueue, timeoutMs = 10_000, signal?: AbortSignal) {
    super(queue, timeoutMs, signal);
    this.name = name;
  }

  prefers(): boolean {
    return true;
  }

  prepare(): RingRequest {
    return ringRequest(RING_OPERATION.random);
  }

  release(): void {}

  leave(): () => void {
    return () => undefined;
  }

  forget(): void {}

  protected answer(completion: Completion): Uint8Array {
    if (completion.answer.length === 0) throw new StrongroomError('BadParameter', 'An answer of nothing.');
    return completion.answer;
  }
}

const LIMITS = { operationsAdmitted: 100, operationsQueuedPerKey: 50 };

function admit(dispatcher: Dispatcher, task: NamedTask): Promise<Uint8Array> {
  const promise = task.promise();
  dispatcher.admit(task);
  return promise;
}

test('while the pool has room a task goes straight through', async (t) => {
  const pool = new FakePool(2);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const queue = new TaskQueue();
  const first = admit(dispatcher, new NamedTask('a', queue));
  admit(dispatcher, new NamedTask('b', queue)).catch(() => undefined);
  t.deepEqual(pool.taken, ['a', 'b']);
  t.is(dispatcher.waiting, 0);
  pool.answer();
  t.deepEqual(await first, new Uint8Array(3).fill(7));
  t.is(dispatcher.admitted, 1);
  pool.answer();
  t.is(dispatcher.admitted, 0);
});

test('a flood on one key makes another key wait for one operation and not for the flood', (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const flooded = new TaskQueue();
  const quiet = new TaskQueue();
  const other = new TaskQueue();
  const slots = new BatchSlots(1_000);
  const add = (name: string, queue: TaskQueue): void => {
    const task = new NamedTask(name, queue);
    task.answerInto(slots, 0);
    dispatcher.admit(task);
  };
  for (let index = 0; index < 20; index++) add(`flood-${index}`, flooded);
  add('quiet-0', quiet);
  add('quiet-1', quiet);
  add('other-0', other);
  for (let index = 0; index < 8; index++) pool.answer();
  t.deepEqual(pool.taken, [
    'flood-0',
    'flood-1',
    'quiet-0',
    'other-0',
    'flood-2',
    'quiet-1',
    'flood-3',
    'flood-4',
    'flood-5',
  ]);
  for (let index = 0; index < 30; index++) pool.answer();
  t.is(pool.taken.length, 23);
  t.is(dispatcher.admitted, 0);
  t.is(dispatcher.waiting, 0);
});

test('what comes while others wait does not pass them by', (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const queue = new TaskQueue();
  const slots = new BatchSlots(10);
  for (const name of ['a', 'b', 'c']) {
    const task = new NamedTask(name, queue);
    task.answerInto(slots, 0);
    dispatcher.admit(task);
  }
  pool.capacity = 5;
  const late = new NamedTask('late', new TaskQueue());
  late.answerInto(slots, 1);
  dispatcher.admit(late);
  t.deepEqual(pool.taken, ['a']);
  pool.answer();
  t.deepEqual(pool.taken, ['a', 'b', 'late', 'c']);
  pool.answer(3);
});

test('one operation more than the bound is refused at once, and told when to come again', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, { operationsAdmitted: 3, operationsQueuedPerKey: 50 });
  const first = [0, 1, 2].map((index) => admit(dispatcher, new NamedTask(`${index}`, new TaskQueue())));
  const error = await refused(t, admit(dispatcher, new NamedTask('x', new TaskQueue())), 'Throttled');
  t.true((error.retryAfterMs ?? 0) > 0);
  t.throws(() => dispatcher.hold(), { code: 'Throttled' });
  pool.answer();
  await first[0];
  const again = admit(dispatcher, new NamedTask('y', new TaskQueue()));
  for (let index = 0; index < 3; index++) pool.answer();
  await Promise.all([...first, again]);
  t.is(dispatcher.admitted, 0);
});

test('the queue of one key has a bound of its own', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, { operationsAdmitted: 100, operationsQueuedPerKey: 2 });
  const queue = new TaskQueue();
  const taken = ['a', 'b', 'c'].map((name) => admit(dispatcher, new NamedTask(name, queue)));
  await refused(t, admit(dispatcher, new NamedTask('d', queue)), 'Throttled');
  const other = admit(dispatcher, new NamedTask('e', new TaskQueue()));
  for (let index = 0; index < 4; index++) pool.answer();
  await Promise.all([...taken, other]);
  t.pass();
});

test('at its deadline an operation ends, whether it waits or runs, and its place is free again', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const queue = new TaskQueue();
  const running = admit(dispatcher, new NamedTask('running', queue, 30));
  const waiting = admit(dispatcher, new NamedTask('waiting', queue, 30));
  const patient = admit(dispatcher, new NamedTask('patient', queue, 10_000));
  await Promise.all([refused(t, running, 'Timeout'), refused(t, waiting, 'Timeout')]);
  // What runs is in the HSM, and counts until it comes back.
  t.is(dispatcher.admitted, 2);
  t.is(dispatcher.waiting, 1);
  pool.answer(1);
  pool.answer(1);
  await patient;
  t.deepEqual(pool.taken, ['running', 'patient']);
  t.is(dispatcher.admitted, 0);
});

test('an answer that comes after its caller has gone is overwritten', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const controller = new AbortController();
  const promise = admit(dispatcher, new NamedTask('a', new TaskQueue(), 10_000, controller.signal));
  controller.abort();
  await refused(t, promise, 'Aborted');
  const secret = new Uint8Array([1, 2, 3]);
  pool.running.shift()?.settle(answered(secret));
  t.deepEqual(secret, new Uint8Array(3));
  t.is(dispatcher.admitted, 0);
});

test('an abort ends an operation at once, in the queue, in the HSM, and before it has begun', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const queue = new TaskQueue();
  const controller = new AbortController();
  const { signal } = controller;
  const running = admit(dispatcher, new NamedTask('running', queue, 10_000, signal));
  const waiting = admit(dispatcher, new NamedTask('waiting', queue, 10_000, signal));
  const next = admit(dispatcher, new NamedTask('next', queue));
  controller.abort();
  await Promise.all([refused(t, running, 'Aborted'), refused(t, waiting, 'Aborted')]);
  await refused(t, admit(dispatcher, new NamedTask('late', queue, 10_000, signal)), 'Aborted');
  pool.answer();
  t.deepEqual(pool.taken, ['running', 'next']);
  pool.answer();
  await next;
  t.is(dispatcher.admitted, 0);
});

test('an abort after the answer changes nothing', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const controller = new AbortController();
  const promise = admit(dispatcher, new NamedTask('a', new TaskQueue(), 10_000, controller.signal));
  pool.answer();
  controller.abort();
  t.is((await promise).length, 3);
  t.is(dispatcher.admitted, 0);
});

test('what the pool says goes to the caller', async (t) => {
  const pool = new FakePool(2);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const failed = admit(dispatcher, new NamedTask('a', new TaskQueue()));
  pool.fail(new StrongroomError('ServiceUnavailable', 'Not now.'));
  await refused(t, failed, 'ServiceUnavailable');
  const senseless = admit(dispatcher, new NamedTask('b', new TaskQueue()));
  pool.running.shift()?.settle(answered(new Uint8Array(0)));
  await refused(t, senseless, 'BadParameter');
  t.is(dispatcher.admitted, 0);
});

test('without any host the pool gets what comes: it knows whether one will be there in time', (t) => {
  const pool = new FakePool(0);
  const dispatcher = new Dispatcher(pool, LIMITS);
  admit(dispatcher, new NamedTask('a', new TaskQueue())).catch(() => undefined);
  t.deepEqual(pool.taken, ['a']);
  pool.answer();
});

test('closing refuses what comes, waits for what is there, and gives up what does not end', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const first = admit(dispatcher, new NamedTask('a', new TaskQueue()));
  const second = admit(dispatcher, new NamedTask('b', new TaskQueue()));
  const closed = dispatcher.close(200);
  await refused(t, admit(dispatcher, new NamedTask('c', new TaskQueue())), 'ServiceUnavailable');
  pool.answer();
  t.is((await first).length, 3);
  t.is(await Promise.race([closed.then(() => 'closed'), pause(50, 'still open')]), 'still open');
  await closed;
  await refused(t, second, 'ServiceUnavailable');
});

test('closing ends as soon as the last operation has', async (t) => {
  const pool = new FakePool(1);
  const dispatcher = new Dispatcher(pool, LIMITS);
  const promise = admit(dispatcher, new NamedTask('a', new TaskQueue()));
  const started = performance.now();
  const closed = dispatcher.close(10_000);
  pool.answer();
  await promise;
  await closed;
  t.true(performance.now() - started < 2_000);
});
