import test from 'ava';
import { type LaneReading, LaneTuner } from '../../src/pool/lane_tuner.ts';

const LOOK_MS = 250;
const RANGE = { first: 4, most: 64 };

/** A token as the tuner sees it: what it does by the number of lanes, as long as so many callers ask. */
class SimulatedToken {
  nowMs = 0;
  hosts = ['host-1'];
  callers = Number.POSITIVE_INFINITY;
  /** Lanes that it has sessions for. */
  sessions = Number.POSITIVE_INFINITY;
  rate: (lanes: number) => number;
  readonly seen: number[] = [];
  readonly #tuner: LaneTuner;
  #taken = 0;
  #idleMs = 0;

  constructor(tuner: LaneTuner, rate: (lanes: number) => number) {
    this.#tuner = tuner;
    this.rate = rate;
  }

  get #reading(): LaneReading {
    const wanted = this.#tuner.lanes * this.hosts.length;
    const open = Math.min(wanted, this.sessions);
    const busy = Math.min(open, this.callers);
    const each = busy / this.hosts.length;
    const operations = busy === 0 ? 0 : (this.rate(each) * this.hosts.length * LOOK_MS) / 1_000;
    this.#taken += operations;
    this.#idleMs += (open - busy) * LOOK_MS;
    const { nowMs: atMs, hosts } = this;
    return {
      atMs,
      hosts,
      open,
      refused: open < wanted,
      taken: this.#taken,
      idleMs: this.#idleMs,
      busy,
      waiting: this.callers - busy,
    };
  }

  run(seconds: number): void {
    for (let look = 0; look < (seconds * 1_000) / LOOK_MS; look++) {
      this.nowMs += LOOK_MS;
      this.#tuner.look(this.#reading);
      if (this.#tuner.lanes !== this.seen.at(-1)) this.seen.push(this.#tuner.lanes);
    }
  }
}

/** Each lane is away for a millisecond per call; the device does so many at once. */
const network =
  (atOnce: number) =>
  (lanes: number): number =>
    1_000 * Math.min(lanes, atOnce);
/** One lock around everything: a second thread only stands in the way. */
const globalLock = (lanes: number): number => (lanes === 1 ? 90_000 : 60_000);

function simulate(rate: (lanes: number) => number, range = RANGE) {
  const tuner = new LaneTuner(range);
  return { tuner, token: new SimulatedToken(tuner, rate) };
}

test('a token behind a network gets the lanes that keep it busy, within seconds, and not many more', (t) => {
  const { tuner, token } = simulate(network(16));
  t.like(tuner.report, { perHost: 4, found: 'first' });
  token.run(10);
  t.like(tuner.report, { perHost: 16, found: 'found', operationsPerSecond: 16_000 });
});

test('a device whose places are no power of two gets at least as many lanes', (t) => {
  for (const atOnce of [3, 5, 6, 11, 20, 24, 40, 60]) {
    const { tuner, token } = simulate(network(atOnce));
    token.run(15);
    t.is(tuner.report.found, 'found');
    t.true(network(atOnce)(tuner.lanes) >= 0.95 * 1_000 * atOnce, `${tuner.lanes} lanes for ${atOnce} places`);
    t.true(tuner.lanes <= 1.5 * atOnce + 1, `${tuner.lanes} lanes for ${atOnce} places`);
  }
});

test('a library with one lock for everything ends with a single lane', (t) => {
  const { tuner, token } = simulate(globalLock);
  token.run(10);
  t.like(tuner.report, { perHost: 1, found: 'found', operationsPerSecond: 90_000 });
  t.true(Math.max(...token.seen) <= 8, `it tried ${token.seen}`);
});

test('no host ever has more lanes than the range allows', (t) => {
  const { tuner, token } = simulate(network(1_000), { first: 4, most: 10 });
  token.run(60);
  t.is(tuner.lanes, 10);
  t.is(Math.max(...token.seen), 10);
});

test('lanes that find nothing to take are no reason for more of them', (t) => {
  const { tuner, token } = simulate(network(16));
  token.callers = 3;
  token.run(50);
  t.like(tuner.report, { perHost: 4, found: 'first' });
  t.deepEqual(token.seen, [4]);
});

test('what was found is kept for a while, longer each time nothing else does better', (t) => {
  const { tuner, token } = simulate(network(16));
  token.run(10);
  token.seen.length = 0;
  token.run(15);
  t.deepEqual(token.seen, [16], 'nothing is tried while it is held');
  token.run(30);
  t.true(token.seen.length > 1, 'other numbers are tried after that');
  t.is(tuner.lanes, 16);
  token.seen.length = 0;
  token.run(30);
  t.deepEqual(token.seen, [16], 'and the second time it is held for longer');
});

test('a load that does another number of operations is tuned anew after the first hold', (t) => {
  const { tuner, token } = simulate(network(16));
  token.run(60);
  t.is(tuner.lanes, 16);
  token.rate = network(40);
  token.run(5 * 60);
  t.true(tuner.lanes >= 38, `${tuner.lanes}`);
  token.rate = globalLock;
  token.run(40);
  t.is(tuner.lanes, 1);
});

test('lanes that had nothing to do for a minute are closed, and are back as soon as there is work for them', (t) => {
  const { tuner, token } = simulate(network(16));
  token.run(10);
  token.callers = 6;
  token.run(130);
  t.like(tuner.report, { perHost: 6, found: 'idle' });
  token.callers = 7;
  token.run(10);
  t.is(tuner.lanes, 16);
  token.callers = 0;
  token.run(130);
  t.like(tuner.report, { perHost: RANGE.first, found: 'idle' });
  token.callers = Number.POSITIVE_INFINITY;
  token.seen.length = 0;
  token.run(10);
  t.false(token.seen.includes(8), 'at once, and not step by step');
  t.like(tuner.report, { perHost: 16, found: 'found' });
});

test('a token that gives no more sessions is served with those that there are, and asked again after minutes', (t) => {
  const { tuner, token } = simulate(network(16));
  token.sessions = 11;
  token.run(10);
  t.like(tuner.report, { perHost: 11, found: 'sessionLimit', sessionLimit: 11 });
  token.seen.length = 0;
  token.run(4 * 60);
  t.true(Math.max(...token.seen) <= 11, 'the limit is remembered');
  token.sessions = 100;
  token.run(3 * 60);
  t.true(tuner.lanes >= 16 && tuner.report.sessionLimit === undefined, `${tuner.lanes} lanes`);
});

test('a fixed number is never tuned, and is taken up again when the token has sessions for it', (t) => {
  const { tuner, token } = simulate(network(16), { first: 8, most: 8 });
  token.run(100);
  t.like(tuner.report, { perHost: 8, found: 'fixed' });
  t.deepEqual(token.seen, [8]);
  token.sessions = 5;
  token.run(100);
  t.like(tuner.report, { perHost: 5, found: 'sessionLimit', sessionLimit: 5 });
  token.sessions = 8;
  token.run(5 * 60);
  t.like(tuner.report, { perHost: 8, found: 'fixed', sessionLimit: undefined });
});

test('hosts of one token are tuned together, and share its sessions evenly', (t) => {
  const { tuner, token } = simulate((lanes) => network(8)(lanes));
  token.hosts = ['host-1', 'host-2'];
  token.run(10);
  t.is(tuner.lanes, 8);
  token.sessions = 11;
  token.run(10);
  t.like(tuner.report, { perHost: 5, found: 'sessionLimit' });
});

test('a host that dies while numbers are tried makes the trial void, and the next one goes on from what was known', (t) => {
  const { tuner, token } = simulate(network(16));
  token.run(1);
  t.like(tuner.report, { perHost: 8, found: 'searching' });
  token.hosts = [];
  token.run(2);
  t.is(tuner.lanes, 4);
  token.hosts = ['host-2'];
  token.run(10);
  t.like(tuner.report, { perHost: 16, found: 'found' });
});

test('a device that does little gets windows long enough to tell', (t) => {
  const { tuner, token } = simulate((lanes) => 10 * Math.min(lanes, 8));
  token.run(30);
  t.like(tuner.report, { perHost: 8, found: 'found' });
});

test('a moment in which the machine is at something else does not end the search', (t) => {
  const { tuner, token } = simulate(network(16));
  while (tuner.lanes !== 8) token.run(0.25);
  token.rate = (lanes) => 0.5 * network(16)(lanes);
  token.run(0.75);
  t.is(tuner.lanes, 8, 'the trial goes on');
  token.rate = network(16);
  token.run(10);
  t.like(tuner.report, { perHost: 16, found: 'found' });
});

test('load that comes in bursts is tuned over several of them', (t) => {
  const { tuner, token } = simulate(network(16));
  for (let burst = 0; burst < 10; burst++) {
    token.callers = Number.POSITIVE_INFINITY;
    token.run(1);
    token.callers = 0;
    token.run(5);
  }
  token.callers = Number.POSITIVE_INFINITY;
  token.run(10);
  t.like(tuner.report, { perHost: 16, found: 'found' });
});

test('a load that ends while more lanes are tried does not end the search: the next one goes on at once', (t) => {
  for (const lastCallers of [4, 5, 6, 7]) {
    const { tuner, token } = simulate(network(16));
    while (tuner.lanes !== 8) token.run(0.25);
    token.run(0.25);
    // As if it ended some time between two looks.
    token.callers = lastCallers;
    token.run(0.25);
    token.callers = 0;
    token.run(5);
    t.not(tuner.report.found, 'found');
    token.callers = Number.POSITIVE_INFINITY;
    token.run(10);
    t.like(tuner.report, { perHost: 16, found: 'found' }, `${lastCallers} callers`);
  }
});

test('a load that more lanes are enough for is left with them, and a greater one has others tried at once', (t) => {
  const { tuner, token } = simulate(network(16));
  while (tuner.lanes !== 8) token.run(0.25);
  token.callers = 6;
  token.run(5);
  t.like(tuner.report, { perHost: 8, found: 'enough', operationsPerSecond: 6_000 });
  token.callers = Number.POSITIVE_INFINITY;
  token.run(10);
  t.like(tuner.report, { perHost: 16, found: 'found' });
});
