import test from 'ava';
import { OK, RecordedTask, run, ScriptedHosts } from './scripted_hosts.ts';

/** Right is what ends in `true`: a promise of it, as where a signature is verified. */
function checkedTask(...verdicts: boolean[]): RecordedTask {
  return new RecordedTask({ check: () => Promise.resolve(verdicts.shift() === true) });
}

test('an answer that is found right is settled once it has been looked at', async (t) => {
  const task = checkedTask(true);
  const hosts = new ScriptedHosts({ answer: Uint8Array.of(1, 2, 3) });
  await run(task, hosts);
  t.deepEqual(task.completion?.answer, Uint8Array.of(1, 2, 3));
  t.deepEqual(hosts.liars, []);
});

test('a wrong answer is zeroised, its host named as lying, and the task done again elsewhere', async (t) => {
  const wrong = Uint8Array.of(1, 2, 3);
  const task = checkedTask(false, true);
  const hosts = new ScriptedHosts({ answer: wrong }, { answer: Uint8Array.of(4) });
  await run(task, hosts);
  t.deepEqual(wrong, new Uint8Array(3));
  t.deepEqual(hosts.liars, ['A']);
  t.deepEqual(hosts.tries, ['A', 'B']);
  t.deepEqual(task.completion?.answer, Uint8Array.of(4));
  t.is(task.released, 2);
});

test('a task that got two wrong answers is not tried a third time, and neither leaves', async (t) => {
  const wrong = [Uint8Array.of(1), Uint8Array.of(2)];
  const task = checkedTask(false, false, true);
  const hosts = new ScriptedHosts(...wrong.map((answer) => ({ answer })), OK);
  await run(task, hosts);
  t.is(task.error?.code, 'ServiceUnavailable');
  t.is(task.completion, undefined);
  t.deepEqual(hosts.liars, ['A', 'B']);
  t.deepEqual(wrong, [new Uint8Array(1), new Uint8Array(1)]);
});

test('an answer that could not be looked at does not leave, and speaks against nobody', async (t) => {
  const attempts: RecordedTask['check'][] = [
    () => Promise.reject(new RangeError('a detail')),
    () => {
      throw new RangeError('a detail');
    },
  ];
  for (const check of attempts) {
    const answer = Uint8Array.of(1);
    const task = new RecordedTask({ check });
    const hosts = new ScriptedHosts({ answer });
    await run(task, hosts);
    t.is(task.error?.code, 'InternalError');
    t.deepEqual(answer, new Uint8Array(1));
    t.deepEqual(hosts.liars, []);
  }
});

test('a token that became unfit while an answer was looked at does not get it out', async (t) => {
  const hosts = new ScriptedHosts(OK);
  const task = new RecordedTask({
    check: async () => {
      hosts.unfit = true;
      return true;
    },
  });
  await run(task, hosts);
  t.is(task.error?.code, 'SelfTestFailed');
});
