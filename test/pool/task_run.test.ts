import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { OUTCOME, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import type { RingHost } from '../../src/pool/ring_host.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { TaskRun } from '../../src/pool/task_run.ts';
import { NOT_STARTED, OK, RecordedTask, run, ScriptedHosts, UNKNOWN } from './scripted_hosts.ts';

test('a task that succeeds is prepared, released and settled once', async (t) => {
  const task = new RecordedTask();
  const hosts = new ScriptedHosts(OK);
  await run(task, hosts);
  t.like(task, { prepared: 1, released: 1, error: undefined });
  t.is(task.completion?.returnValue, 0);
  t.is(hosts.hosts[0]?.tasks, 0);
});

test('the lane is told what is left of the deadline', async (t) => {
  const hosts = new ScriptedHosts(OK);
  await run(new RecordedTask({ deadline: performance.now() + 700 }), hosts);
  const timeoutMs = hosts.requests[0]?.timeoutMs ?? 0;
  t.true(timeoutMs > 500 && timeoutMs <= 700, `${timeoutMs}`);
});

test('a pure task whose host died is done once more, on another host', async (t) => {
  const task = new RecordedTask();
  const hosts = new ScriptedHosts(UNKNOWN, OK);
  await run(task, hosts);
  t.deepEqual(hosts.tries, ['A', 'B']);
  t.like(task, { prepared: 2, released: 2, error: undefined });
});

test('a pure task that meets two dying hosts is not tried a third time', async (t) => {
  const task = new RecordedTask();
  const hosts = new ScriptedHosts(UNKNOWN, UNKNOWN, OK);
  await run(task, hosts);
  t.is(hosts.tries.length, 2);
  t.is(task.error?.code, 'ServiceUnavailable');
});

test('a mutating task whose host died is never repeated: its outcome is unknown', async (t) => {
  const task = new RecordedTask({ effect: 'mutating' });
  const hosts = new ScriptedHosts(UNKNOWN, OK);
  await run(task, hosts);
  t.is(hosts.tries.length, 1);
  t.is(task.error?.code, 'OutcomeUnknown');
});

test('what no lane has seen is done elsewhere, a mutating task too', async (t) => {
  const task = new RecordedTask({ effect: 'mutating' });
  const hosts = new ScriptedHosts(NOT_STARTED, OK);
  await run(task, hosts);
  t.deepEqual(hosts.tries, ['A', 'B']);
  t.is(task.error, undefined);
});

test('an operation that expired in the ring is a timeout', async (t) => {
  const task = new RecordedTask();
  await run(task, new ScriptedHosts({ outcome: OUTCOME.expired }));
  t.is(task.error?.code, 'Timeout');
  t.is(task.released, 1);
});

test('a task whose deadline has passed never reaches a host', async (t) => {
  const task = new RecordedTask({ deadline: performance.now() - 1 });
  const hosts = new ScriptedHosts(OK);
  await run(task, hosts);
  t.is(task.error?.code, 'Timeout');
  t.like(task, { prepared: 0, released: 0 });
});

test('a deadline that passes while the task is prepared ends it before it is submitted', async (t) => {
  const task = new RecordedTask({ deadline: performance.now() + 20 });
  task.prepare = () => new Promise((resolve) => setTimeout(resolve, 40, ringRequest(RING_OPERATION.sign)));
  const hosts = new ScriptedHosts(OK);
  await run(task, hosts);
  t.is(task.error?.code, 'Timeout');
  t.is(task.released, 1);
  t.deepEqual(hosts.tries, []);
});

test('a signature that does not verify is an answer and not a failure', async (t) => {
  const task = new RecordedTask({ operation: RING_OPERATION.verify, input: 'caller' });
  const hosts = new ScriptedHosts({ returnValue: RETURN_VALUE.CKR_SIGNATURE_INVALID });
  await run(task, hosts);
  t.is(task.completion?.returnValue, RETURN_VALUE.CKR_SIGNATURE_INVALID);
  t.deepEqual(hosts.suspicions, []);
});

test("a caller's bad ciphertext is settled with the task and raises no suspicion", async (t) => {
  const task = new RecordedTask({ operation: RING_OPERATION.decrypt, input: 'caller' });
  const hosts = new ScriptedHosts({ returnValue: RETURN_VALUE.CKR_GENERAL_ERROR });
  await run(task, hosts);
  t.is(task.completion?.returnValue, RETURN_VALUE.CKR_GENERAL_ERROR);
  t.deepEqual(hosts.suspicions, []);
  t.is(hosts.tries.length, 1);
});

test('a token in an unknown state has a pure task done once on another host', async (t) => {
  const failure = { returnValue: RETURN_VALUE.CKR_DEVICE_ERROR };
  const healed = new RecordedTask();
  const hosts = new ScriptedHosts(failure, OK);
  await run(healed, hosts);
  t.deepEqual(hosts.tries, ['A', 'B']);
  t.deepEqual(hosts.suspicions, ['A tokenSick']);
  const lost = new RecordedTask();
  await run(lost, new ScriptedHosts(failure, failure, OK));
  t.is(lost.error?.code, 'ServiceUnavailable');
});

test('after the same failure the outcome of a mutating task is unknown', async (t) => {
  const task = new RecordedTask({ effect: 'mutating', operation: RING_OPERATION.generateKey });
  const hosts = new ScriptedHosts({ returnValue: RETURN_VALUE.CKR_DEVICE_ERROR });
  await run(task, hosts);
  t.is(task.error?.code, 'OutcomeUnknown');
  t.is(hosts.tries.length, 1);
});

test('what a token cannot do goes to another token, where there is one, and once', async (t) => {
  const incapable = { returnValue: RETURN_VALUE.CKR_MECHANISM_INVALID };
  const alone = new RecordedTask();
  await run(alone, new ScriptedHosts(incapable, OK));
  t.is(alone.error?.code, 'NotSupported');
  const hosts = new ScriptedHosts(incapable, OK);
  hosts.hasOtherToken = true;
  const task = new RecordedTask();
  await run(task, hosts);
  t.deepEqual(hosts.tries, ['A', 'B']);
  t.is(task.error, undefined);
  const nowhere = new ScriptedHosts(incapable, incapable, OK);
  nowhere.hasOtherToken = true;
  const refused = new RecordedTask();
  await run(refused, nowhere);
  t.is(refused.error?.code, 'NotSupported');
});

test('a task that its host could not be made ready for goes to another when the token was left', async (t) => {
  const hosts = new ScriptedHosts(OK);
  const task = new RecordedTask();
  const prepare = task.prepare.bind(task);
  task.prepare = () => {
    if (task.prepared > 0) return prepare();
    task.prepared++;
    hosts.leftHosts.add('A');
    return Promise.reject(new StrongroomError('ServiceUnavailable', 'The token is sick.'));
  };
  await run(task, hosts);
  t.is(task.error, undefined);
  t.deepEqual(hosts.tries, ['B']);
});

test('a mutating task that was certainly refused says so', async (t) => {
  const task = new RecordedTask({ effect: 'mutating', operation: RING_OPERATION.generateKey });
  await run(task, new ScriptedHosts({ returnValue: RETURN_VALUE.CKR_MECHANISM_INVALID }));
  t.is(task.error?.code, 'NotSupported');
});

test('a busy token is asked again after a pause', async (t) => {
  const busy = { returnValue: RETURN_VALUE.CKR_FUNCTION_FAILED };
  const task = new RecordedTask();
  const started = performance.now();
  await run(task, new ScriptedHosts(busy, busy, OK));
  t.is(task.error, undefined);
  t.is(task.prepared, 3);
  t.true(performance.now() - started > 20, 'half of 20 ms and half of 40 ms at least');
});

test('a stale handle is forgotten, and the key brought anew', async (t) => {
  const stale = { returnValue: RETURN_VALUE.CKR_KEY_HANDLE_INVALID };
  const task = new RecordedTask();
  await run(task, new ScriptedHosts(stale, OK));
  t.like(task, { forgotten: 1, prepared: 2, error: undefined });
  const missing = new RecordedTask();
  await run(missing, new ScriptedHosts(stale, stale, stale));
  t.is(missing.error?.code, 'KeyMissing');
  const afterSession = new RecordedTask();
  await run(afterSession, new ScriptedHosts({ returnValue: RETURN_VALUE.CKR_SESSION_HANDLE_INVALID }, stale, OK));
  t.is(afterSession.error, undefined, 'a session that is lost takes the objects with it that were made in it');
});

test('an answer that found no room is fetched again with the length that it named', async (t) => {
  const hosts = new ScriptedHosts({ returnValue: RETURN_VALUE.CKR_BUFFER_TOO_SMALL, answerLength: 512 }, OK);
  const task = new RecordedTask();
  await run(task, hosts);
  t.deepEqual(
    hosts.requests.map(({ capacity }) => capacity),
    [16, 512],
  );
  t.is(task.error, undefined);
});

test('without a host a task is parked, and starts again from there', async (t) => {
  const hosts = new ScriptedHosts(OK);
  const [first] = hosts.hosts.splice(0, 2);
  const task = new RecordedTask();
  new TaskRun(task, hosts).start();
  t.is(hosts.parked.length, 1);
  hosts.hosts.push(first as RingHost);
  hosts.parked[0]?.start();
  await task.ended;
  t.is(task.error, undefined);
});

test('nothing that an unfit token answers is let out', async (t) => {
  const hosts = new ScriptedHosts(OK);
  const [host] = hosts.hosts;
  const submit = (host as RingHost).submit;
  Object.assign(host as RingHost, {
    submit: (...given: Parameters<RingHost['submit']>) => {
      hosts.unfit = true;
      submit(...given);
    },
  });
  const underWay = new RecordedTask();
  await run(underWay, hosts);
  t.is(underWay.error?.code, 'SelfTestFailed');
  const later = new RecordedTask();
  await run(later, hosts);
  t.is(later.error?.code, 'SelfTestFailed');
  t.is(later.prepared, 0);
});

test('what a task throws while it prepares is its failure, and no internals get out', async (t) => {
  const refused = new RecordedTask();
  refused.prepare = () => Promise.reject(new StrongroomError('KeyNotFound', 'There is no such key.'));
  await run(refused, new ScriptedHosts());
  t.is(refused.error?.code, 'KeyNotFound');
  t.is(refused.released, 0, 'nothing was prepared');
  const mistaken = new RecordedTask();
  mistaken.prepare = () => {
    throw new TypeError('a secret detail');
  };
  await run(mistaken, new ScriptedHosts());
  t.is(mistaken.error?.code, 'InternalError');
  t.notRegex(mistaken.error?.message ?? '', /secret/);
});

test('a task that its host could not be made ready for goes to another when that host is gone', async (t) => {
  const hosts = new ScriptedHosts(OK);
  const [first] = hosts.hosts;
  const task = new RecordedTask();
  const prepare = task.prepare.bind(task);
  task.prepare = () => {
    if (task.prepared > 0) return prepare();
    task.prepared++;
    Object.assign(first as RingHost, { alive: false });
    return Promise.reject(new StrongroomError('ServiceUnavailable', 'The host is gone.'));
  };
  await run(task, hosts);
  t.is(task.error, undefined);
  t.deepEqual(hosts.tries, ['B']);
  t.is(task.released, 1);
});

test('a task that a token could not be made ready for goes to another token', async (t) => {
  const unwell = () => Promise.reject(new StrongroomError('ServiceUnavailable', 'The key could not be brought.'));
  for (const hasOtherToken of [true, false]) {
    const hosts = new ScriptedHosts(OK);
    hosts.hasOtherToken = hasOtherToken;
    const task = new RecordedTask();
    const prepare = task.prepare.bind(task);
    task.prepare = () => (task.prepared++ === 0 ? unwell() : prepare());
    await run(task, hosts);
    t.deepEqual(hosts.tries, hasOtherToken ? ['B'] : []);
    t.is(task.error?.code, hasOtherToken ? undefined : 'ServiceUnavailable');
  }
});

test('a task that every token fails to be made ready for is given up, and one that the caller has spoilt is at once', async (t) => {
  for (const [code, tries] of [
    ['ServiceUnavailable', 4],
    ['BadParameter', 1],
  ] as const) {
    const hosts = new ScriptedHosts();
    hosts.hasOtherToken = true;
    const task = new RecordedTask();
    task.prepare = () => {
      task.prepared++;
      return Promise.reject(new StrongroomError(code, 'For the test.'));
    };
    await run(task, hosts);
    t.is(task.error?.code, code);
    t.is(task.prepared, tries);
  }
});

test('a task that three hosts and one more died of being prepared for is given up', async (t) => {
  const hosts = new ScriptedHosts();
  for (const host of hosts.hosts) Object.assign(host, { alive: false });
  const task = new RecordedTask();
  task.prepare = () => {
    task.prepared++;
    return Promise.reject(new StrongroomError('ServiceUnavailable', 'The host is gone.'));
  };
  await run(task, hosts);
  t.is(task.error?.code, 'ServiceUnavailable');
  t.is(task.prepared, 4);
});

test('the message of a failure names no return value, its cause does', async (t) => {
  const task = new RecordedTask();
  await run(task, new ScriptedHosts({ returnValue: RETURN_VALUE.CKR_ARGUMENTS_BAD }));
  t.is(task.error?.code, 'InternalError');
  t.notRegex(task.error?.message ?? '', /CKR|C_/);
  t.regex(String(task.error?.cause), /CKR_ARGUMENTS_BAD/);
});
