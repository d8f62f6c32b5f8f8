import test from 'ava';
import { chooseHost } from '../../src/pool/host_choice.ts';
import type { HsmTask } from '../../src/pool/hsm_task.ts';
import type { RingHost } from '../../src/pool/ring_host.ts';

interface HostState {
  readonly tasks?: number;
  readonly meanServiceUs?: number;
  readonly lanes?: number;
  readonly room?: number;
  readonly alive?: boolean;
  readonly token?: string;
}

const TOKENS = new Map(['a', 'b'].map((name) => [name, { name } as unknown as RingHost['token']]));

/** What the choice looks at. */
function hosts(...states: readonly HostState[]): RingHost[] {
  return states.map(
    ({ tasks = 0, meanServiceUs = 8, lanes = 1, room = 64, alive = true, token = 'a' }) =>
      ({ tasks, meanServiceUs, lanes, room, alive, token: TOKENS.get(token) }) as RingHost,
  );
}

function task(preferred: readonly RingHost[] | undefined, suits?: HsmTask['suits']): HsmTask {
  return { prefers: (host: RingHost) => preferred?.includes(host) ?? true, suits } as HsmTask;
}

const ANY = task(undefined);

test('short operations go behind others that are at work, until those take longer than it takes to wake a lane', (t) => {
  for (const tasks of [1, 4, 8]) {
    const choice = hosts({}, { tasks });
    t.is(chooseHost(choice, ANY, undefined), choice[1], `behind ${tasks}`);
  }
  const full = hosts({}, { tasks: 20 });
  t.is(chooseHost(full, ANY, undefined), full[0]);
});

test('long operations go to the host that has least to do, and to an idle one at once', (t) => {
  const idle = hosts({ tasks: 1, meanServiceUs: 57 }, { meanServiceUs: 57 });
  t.is(chooseHost(idle, ANY, undefined), idle[1]);
  const busy = hosts({ tasks: 3, meanServiceUs: 57 }, { tasks: 2, meanServiceUs: 57 });
  t.is(chooseHost(busy, ANY, undefined), busy[1]);
});

test('where nobody is at work, the same host is taken each time, unless another is clearly quicker', (t) => {
  for (const meanServiceUs of [5, 8, 15]) {
    const choice = hosts({ meanServiceUs }, {});
    t.is(chooseHost(choice, ANY, undefined), choice[0]);
  }
  const slow = hosts({ meanServiceUs: 500_000 }, { meanServiceUs: 57 });
  t.is(chooseHost(slow, ANY, undefined), slow[1]);
});

test('a burst of long operations is shared out among hosts that are as quick, though one of them was idle', (t) => {
  const choice = hosts({ meanServiceUs: 1_100 }, { meanServiceUs: 1_000 }) as { tasks: number }[] & RingHost[];
  for (let each = 0; each < 24; each++) (chooseHost(choice, ANY, undefined) as { tasks: number }).tasks += 1;
  t.true(
    choice.every(({ tasks }) => tasks >= 10),
    JSON.stringify(choice.map(({ tasks }) => tasks)),
  );
});

test('a key goes where it is held, unless much waits there', (t) => {
  const [first, second] = hosts({ tasks: 2 }, {}) as [RingHost, RingHost];
  t.is(chooseHost([first, second], task([second]), undefined), second);
  const [waiting, other] = hosts({ tasks: 60 }, {}) as [RingHost, RingHost];
  t.is(chooseHost([waiting, other], task([waiting]), undefined), other);
});

test('several lanes share what waits', (t) => {
  const choice = hosts({ tasks: 8, meanServiceUs: 100, lanes: 16 }, { tasks: 2, meanServiceUs: 100, lanes: 1 });
  t.is(chooseHost(choice, ANY, undefined), choice[0]);
});

test('a host without room, the one that failed, and others of its token are taken where there is nothing else', (t) => {
  const [failed, sibling, other, full] = hosts({}, {}, { token: 'b' }, { token: 'b', room: 0 }) as [
    RingHost,
    RingHost,
    RingHost,
    RingHost,
  ];
  t.is(chooseHost([failed, sibling, other], ANY, failed), other);
  t.is(chooseHost([failed, sibling, full], ANY, failed), full);
  t.is(chooseHost([failed, sibling], ANY, failed), sibling);
  t.is(chooseHost([failed], ANY, failed), failed);
});

test('hosts that are gone and tokens that cannot do it are not chosen', (t) => {
  const [gone, unfit, fit] = hosts({ alive: false }, {}, { token: 'b', tasks: 100 }) as [RingHost, RingHost, RingHost];
  const choosy = task(undefined, (token) => token === fit.token);
  t.is(chooseHost([gone, unfit, fit], choosy, undefined), fit);
  t.is(chooseHost([gone, unfit], choosy, undefined), undefined);
  t.is(chooseHost([gone], ANY, undefined), undefined);
  t.is(chooseHost([], ANY, undefined), undefined);
});
