import { rm } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { readCallLog } from '../shim/call_log.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { openFaultyEngine } from './faulty_engine.ts';
import { type FaultyFamily, openFaultyFamily } from './faulty_family.ts';
import { MixedTraffic } from './mixed_traffic.ts';

const AT_ONCE = 16;
const ROUND = 10_000;
const CREATE_SHARE = 0.01;
/** How many of all calls of Cryptoki meet a fault. An operation takes six to seven of them: so three in a hundred operations do. */
const FAULT_SHARE = 0.005;
/** A short run is too small for a sharper measure. */
const LEAST_SUCCESS = { full: 0.99, short: 0.97 } as const;
const SERVES_AGAIN_MS = 30_000;

/** None of them asks for an operator: those have tests of their own. */
const FAULTS: readonly string[] = [
  'return 0x5', // CKR_GENERAL_ERROR
  'return 0x6', // CKR_FUNCTION_FAILED
  'return 0x31', // CKR_DEVICE_MEMORY
  'return 0x30', // CKR_DEVICE_ERROR
  'return 0xb3', // CKR_SESSION_HANDLE_INVALID
  'after return 0x5',
  'after return 0x30',
  'sleep 20',
  'after sleep 20',
  'drop',
  'abort',
  'segfault',
];

function rulesFor(seed: number): string[] {
  // Each rule has its chance where those before it have not been met.
  const each = FAULT_SHARE / FAULTS.length;
  return ['log', `seed ${seed}`, ...FAULTS.map((fault, index) => `* p=${each / (1 - each * index)} ${fault}`)];
}

const WATCHED = { stuckLaneMs: 2_000 };
type Opening = (t: ExecutionContext) => Promise<FaultyFamily>;

async function openOne(t: ExecutionContext): Promise<FaultyFamily> {
  const { engine, pool, rules, close } = await openFaultyEngine(t, WATCHED);
  return { engine, pool, rules: [rules], close };
}

async function round(open: Opening, t: ExecutionContext, run: CampaignRun, operations: number): Promise<MixedTraffic> {
  const { engine, pool, rules, close } = await open(t);
  const traffic = await MixedTraffic.begin(engine, CREATE_SHARE);
  for (const each of rules) await each.set(...rulesFor(run.random.uint32()));
  let left = operations;
  const work = async (random: SeededRandom): Promise<void> => {
    while (left-- > 0) {
      // A test that meets two faults in a row keeps the token out until an operator comes, as it should.
      if ((await traffic.operate(random)) === 'SelfTestFailed') pool.resume();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(new SeededRandom(run.random.uint32()))));
  for (const each of rules) await each.clear();
  // An operator looks after tokens that were left while others served.
  pool.resume();
  const until = performance.now() + SERVES_AGAIN_MS;
  while (pool.status().state !== 'ready' && performance.now() < until)
    await new Promise((next) => setTimeout(next, 20));
  for (const each of await traffic.lost()) run.fail(`An acknowledged key is lost: ${each}`);
  await close();
  for (const { path } of rules) {
    const { calls, violations } = await readCallLog(`${path}.log`);
    for (const each of violations) run.fail(each);
    run.measure('calls of Cryptoki', (run.measured['calls of Cryptoki'] ?? 0) + calls);
    await rm(`${path}.log`);
  }
  return traffic;
}

async function rounds(open: Opening, t: ExecutionContext, run: CampaignRun): Promise<void> {
  const outcomes = new Map<string, number>();
  let acknowledged = 0;
  while (run.done < run.count) {
    const operations = Math.min(ROUND, run.count - run.done);
    const traffic = await round(open, t, run, operations);
    for (const wrong of traffic.wrong) run.fail(`A result was wrong: ${wrong}`);
    for (const [outcome, count] of traffic.outcomes) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    acknowledged += traffic.acknowledged;
    run.done += operations;
  }
  t.log([...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', '));
  const success = (outcomes.get('right') ?? 0) / run.count;
  const least = LEAST_SUCCESS[run.isFull ? 'full' : 'short'];
  if (success < least) run.fail(`Of all operations ${success} were done, and not ${least}.`);
  run.measure('success, %', success * 100);
  run.measure('keys acknowledged', acknowledged);
}

campaign('random_faults', (t, run) => rounds(openOne, t, run));
campaign('random_faults_of_three', (t, run) => rounds((each) => openFaultyFamily(each, WATCHED), t, run));
