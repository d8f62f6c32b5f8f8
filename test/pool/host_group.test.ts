import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { RETURN_VALUE, reactionTo } from '../../src/pkcs11/return_value.ts';
import { HostGroup } from '../../src/pool/host_group.ts';
import type { HsmTask } from '../../src/pool/hsm_task.ts';
import type { HostEnd, RingHost } from '../../src/pool/ring_host.ts';
import { TaskRun } from '../../src/pool/task_run.ts';
import type { MemberListener, TokenMember } from '../../src/pool/token_member.ts';
import { TokenSet } from '../../src/pool/token_set.ts';

interface FakeHost {
  id: string;
  alive: boolean;
  tasks: number;
  meanServiceUs: number;
  finish(end?: Partial<HostEnd>): void;
}

function fakeHost(id: string): FakeHost & RingHost {
  const listeners: ((end: HostEnd) => void)[] = [];
  const host = {
    id,
    alive: true,
    lanes: 1,
    tasks: 0,
    inFlight: 0,
    room: 64,
    capacity: 64,
    meanServiceUs: 100,
    distrustedUntil: 0,
    isolation: 'process',
    onEnd: (listener: (end: HostEnd) => void) => listeners.push(listener),
    finish: (end: Partial<HostEnd> = {}) => {
      host.alive = false;
      for (const listener of listeners) listener({ reason: 'for the test', expected: false, ...end });
    },
    kill: () => host.finish(),
    stop: async () => host.finish({ expected: true }),
    residentBytes: () => undefined,
  };
  return host as unknown as FakeHost & RingHost;
}

/** The place of these hosts in a pool, as if there were a token behind them. */
function fakeMember(group: HostGroup): TokenMember {
  const member = {
    serves: true,
    unfit: false,
    get hosts() {
      return group.hosts;
    },
    get failure() {
      return group.failure;
    },
    waitMs: (now: number) => group.waitMs(now),
    attach: (listener: MemberListener) => {
      group.onJoined(() => listener.joined());
      group.onGone((host) => listener.gone(host));
      group.onRest(() => listener.rests());
    },
  };
  return member as unknown as TokenMember;
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function openGroup(hosts: number, options: { restartsPerMinute?: number } = {}) {
  const started: (FakeHost & RingHost)[] = [];
  let failure: Error | undefined;
  const group = new HostGroup({
    hosts,
    ...options,
    lanes: { first: 1, most: 1 },
    start: async () => {
      if (failure !== undefined) throw failure;
      const host = fakeHost(`host-${started.length + 1}`);
      started.push(host);
      return host;
    },
  });
  const member = fakeMember(group);
  const tokens = new TokenSet();
  tokens.add(member);
  await group.open();
  return {
    group,
    tokens,
    started,
    failWith: (error: Error | undefined) => {
      failure = error;
    },
  };
}

function task(fields: Partial<HsmTask> = {}): HsmTask & { error: StrongroomError | undefined } {
  const made = {
    effect: 'pure',
    input: 'engine',
    deadline: performance.now() + 500,
    error: undefined as StrongroomError | undefined,
    prefers: () => true,
    prepare: () => new Promise(() => undefined),
    release: () => undefined,
    check: () => true,
    settle: () => undefined,
    fail: (error: StrongroomError) => {
      made.error = error;
    },
    forget: () => undefined,
    ...fields,
  };
  return made as HsmTask & { error: StrongroomError | undefined };
}

test('work goes where the least is waiting, counted in time', async (t) => {
  const { tokens, started } = await openGroup(2);
  const [a, b] = started as [FakeHost & RingHost, FakeHost & RingHost];
  a.tasks = 3;
  b.tasks = 2;
  t.is(tokens.choose(task(), undefined), b);
  b.meanServiceUs = 1_500;
  t.is(tokens.choose(task(), undefined), a, 'two signatures of 1.5 ms are more than three of 0.1 ms');
});

test('a host that holds the key is preferred, unless it is clearly busier', async (t) => {
  const { tokens, started } = await openGroup(2);
  const [a, b] = started as [FakeHost & RingHost, FakeHost & RingHost];
  const keyInA = task({ prefers: (host) => host.id === a.id });
  a.tasks = 2;
  t.is(tokens.choose(keyInA, undefined), a);
  a.tasks = 20;
  t.is(tokens.choose(keyInA, undefined), b);
});

test('a host that failed the task before is taken only where there is no other', async (t) => {
  const { tokens, started } = await openGroup(2);
  const [a, b] = started as [FakeHost & RingHost, FakeHost & RingHost];
  b.tasks = 60;
  t.is(tokens.choose(task(), a), b);
  b.alive = false;
  t.is(tokens.choose(task(), a), a);
  a.alive = false;
  t.is(tokens.choose(task(), undefined), undefined);
});

test('a host that ended is replaced by another', async (t) => {
  const { group, started } = await openGroup(2);
  const gone: string[] = [];
  group.onGone(({ id }) => gone.push(id));
  (started[0] as FakeHost).finish();
  await nextTurn();
  t.deepEqual(
    group.hosts.map(({ id }) => id),
    ['host-2', 'host-3'],
  );
  t.deepEqual(gone, ['host-1']);
});

test('a group opens with the hosts that start, and goes on trying for the others', async (t) => {
  const started: RingHost[] = [];
  let calls = 0;
  const group = new HostGroup({
    hosts: 2,
    lanes: { first: 1, most: 1 },
    start: async () => {
      if (++calls === 2) throw new Error('no session left');
      if (calls === 3) await nextTurn();
      started.push(fakeHost(`host-${calls}`));
      return started.at(-1) as RingHost;
    },
  });
  await group.open();
  t.is(group.hosts.length, 1);
  t.regex(String(group.lastFailure), /no session left/);
  while (group.hosts.length < 2) await nextTurn();
  t.is(group.lastFailure, undefined);
});

test('a group whose first host does not start does not open', async (t) => {
  const group = new HostGroup({
    hosts: 2,
    lanes: { first: 1, most: 1 },
    start: async () => Promise.reject(new RangeError('no device')),
  });
  await t.throwsAsync(group.open(), { instanceOf: RangeError });
});

test('work that found no host starts when there is one again', async (t) => {
  const { tokens, started } = await openGroup(1);
  (started[0] as FakeHost).alive = false;
  let prepared = 0;
  const parked = task({
    prepare: () => {
      prepared++;
      return new Promise(() => undefined);
    },
  });
  new TaskRun(parked, tokens).start();
  t.is(tokens.parked, 1);
  (started[0] as FakeHost).finish();
  await nextTurn();
  t.is(prepared, 1);
  t.is(tokens.parked, 0);
});

test('work that waits for a host fails at its deadline', async (t) => {
  const { group, tokens, started, failWith } = await openGroup(1);
  failWith(new Error('no device'));
  (started[0] as FakeHost).finish();
  const parked = task({ deadline: performance.now() + 60 });
  new TaskRun(parked, tokens).start();
  t.is(parked.error, undefined);
  await new Promise((resolve) => setTimeout(resolve, 200));
  t.is(parked.error?.code, 'Timeout');
  await group.close(0, 0);
});

test('a group that rests fails what cannot wait for it', async (t) => {
  const { group, tokens, started } = await openGroup(1, { restartsPerMinute: 0 });
  (started[0] as FakeHost).alive = false;
  const parked = task();
  new TaskRun(parked, tokens).start();
  t.is(parked.error, undefined);
  (started[0] as FakeHost).finish();
  t.is(parked.error?.code, 'ServiceUnavailable');
  t.true((parked.error?.retryAfterMs ?? 0) > 50_000);
  group.resume();
  await nextTurn();
  t.is(group.hosts.length, 1);
});

test('a retirement is no death: it never makes a group rest', async (t) => {
  const { group, started } = await openGroup(1, { restartsPerMinute: 0 });
  for (let round = 0; round < 10; round++) {
    (started.at(-1) as FakeHost).finish({ expected: true });
    await nextTurn();
    t.is(group.hosts.length, 1);
  }
});

test('a refused PIN stops all starts until an operator has acted', async (t) => {
  const { group, tokens, started, failWith } = await openGroup(1);
  failWith(new StrongroomError('ServiceUnavailable', 'refused', { innerCode: 'PinRefused' }));
  (started[0] as FakeHost).finish();
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.is(started.length, 1);
  const refused = task();
  new TaskRun(refused, tokens).start();
  t.is(refused.error?.code, 'ServiceUnavailable');
  failWith(undefined);
  group.resume();
  await nextTurn();
  t.is(group.hosts.length, 1);
});

const isDistrusted = ({ distrustedUntil }: RingHost): boolean => distrustedUntil > performance.now();

test('a host that gave a wrong signature is replaced at once, and the whole token is watched from then on', async (t) => {
  const { group, started } = await openGroup(2);
  const [a, b] = started as [FakeHost & RingHost, FakeHost & RingHost];
  t.false(isDistrusted(b));
  group.lied(a);
  t.false(a.alive);
  t.true(isDistrusted(b));
  await nextTurn();
  t.is(group.hosts.length, 2);
  t.true(group.hosts.every(isDistrusted), 'also the one that took its place');
});

test('an error that speaks against the token has its signatures verified for a while', async (t) => {
  const { group, started } = await openGroup(2);
  const [a] = started as [FakeHost & RingHost];
  const say = (returnValue: number): void => {
    const reaction = reactionTo(RING_OPERATION.sign, 'caller', returnValue);
    group.suspect(a, RING_OPERATION.sign, reaction, 'for the test');
  };
  say(RETURN_VALUE.CKR_FUNCTION_FAILED);
  t.false(group.hosts.some(isDistrusted), 'a token that is busy is not sick');
  say(RETURN_VALUE.CKR_DEVICE_ERROR);
  t.true(group.hosts.every(isDistrusted));
});

test('a host that died has the signatures of the others verified, one that was retired has not', async (t) => {
  const { group, started } = await openGroup(2);
  (started[0] as FakeHost).finish({ expected: true });
  await nextTurn();
  t.false(group.hosts.some(isDistrusted));
  (started[1] as FakeHost).finish();
  await nextTurn();
  t.is(group.hosts.length, 2);
  t.true(group.hosts.every(isDistrusted));
});
