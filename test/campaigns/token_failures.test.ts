import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../../bench/statistics.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { materialOfPair, nodeEcPair } from '../fixtures/key_material.ts';
import { type NodeSignature, nodeAlgorithm } from '../fixtures/node_algorithms.ts';
import { readCallLog } from '../shim/call_log.ts';
import type { FaultRules } from '../shim/fault_module.ts';
import { campaign } from './campaign.ts';
import { openFaultyFamily } from './faulty_family.ts';

const AT_ONCE = 6;
const OPERATIONS = 60;
const LEAST_SUCCESS = 0.999;
const MOST_P99_MS = 250;
const MOST_LIES = 10;
const LONGEST_WAIT_MS = 60_000;
const LIES = 'C_Sign * flip ?';
const FAILURES = {
  away: 'absent',
  slow: 'C_Sign * sleep 500',
  lying: LIES,
  failing: 'C_Sign * return 0x30',
  'losing its sessions': 'C_Sign * return 0xb3',
} as const;
const KEY = { name: 'ec' };

campaign('token_failures', async (t, run) => {
  const { engine, pool, rules } = await openFaultyFamily(t, { signatureChecks: 'always' });
  const node = nodeAlgorithm('ES256', 0) as NodeSignature;
  const pair = nodeEcPair('P-256');
  await engine.importKey({ ...KEY, material: materialOfPair(pair), operations: ['sign'] });

  /** By what is wrong with a token meanwhile. */
  const latencies = new Map<string, number[]>();
  /** Operations that were not done, by what was wrong and what came of it. */
  const failed = new Map<string, number>();
  let wrong = 'nothing';
  const sign = async (): Promise<void> => {
    const message = run.random.bytes(32);
    const started = performance.now();
    try {
      const { signature } = await engine.sign({ key: KEY, algorithm: 'ES256', digest: node.input(message) });
      if (!node.verify(pair, message, signature)) run.fail('A wrong signature left the engine.');
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw error;
      const how = `${wrong}: ${error.code}, ${error.message}`;
      failed.set(how, (failed.get(how) ?? 0) + 1);
    }
    const of = latencies.get(wrong) ?? [];
    of.push(performance.now() - started);
    latencies.set(wrong, of);
  };
  const traffic = async (): Promise<void> => {
    let left = OPERATIONS;
    const work = async (): Promise<void> => {
      while (left-- > 0) await sign();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };
  const heal = async (): Promise<void> => {
    const latest = performance.now() + LONGEST_WAIT_MS;
    while (pool.status().state !== 'ready') {
      if (performance.now() > latest) throw new Error(`It does not come back: ${JSON.stringify(pool.status())}`);
      pool.resume();
      await sleep(20);
    }
  };

  let mostLies = 0;
  await traffic();
  for (; run.done < run.count; run.done++) {
    const [name, failure] = run.random.pick(Object.entries(FAILURES));
    const victim = run.random.pick(rules);
    const liesBefore = failure === LIES ? await liesOf(victim) : 0;
    await victim.set(...(failure === LIES ? ['log', failure] : [failure]));
    wrong = name;
    await traffic();
    wrong = 'nothing';
    if (failure === LIES) mostLies = Math.max(mostLies, (await liesOf(victim)) - liesBefore);
    await victim.clear();
    await heal();
  }
  const all = [...latencies.values()].flat();
  const failures = [...failed.values()].reduce((sum, count) => sum + count, 0);
  const success = 1 - failures / all.length;
  if (success < LEAST_SUCCESS) run.fail(`Of all operations ${success} were done, and not ${LEAST_SUCCESS}.`);
  if (mostLies > MOST_LIES)
    run.fail(`A token gave ${mostLies} wrong signatures before it was left alone, and not ${MOST_LIES} at most.`);
  for (const [how, count] of failed) t.log(`${count} failed while a token was ${how}`);
  for (const [name, each] of latencies) {
    const [p50, p99, longest] = [0.5, 0.99, 1].map((place) => quantile(each, place).toFixed(1));
    t.log(`${name}: ${each.length} operations, p50 ${p50} ms, p99 ${p99} ms, longest ${longest} ms`);
  }
  const p99 = quantile(all, 0.99);
  if (run.isFull && p99 > MOST_P99_MS) run.fail(`p99 is ${p99} ms, and not ${MOST_P99_MS} at most.`);
  run.measure('operations', all.length);
  run.measure('success, %', success * 100);
  run.measure('p50, ms', quantile(all, 0.5));
  run.measure('p99, ms', p99);
  run.measure('longest, ms', quantile(all, 1));
  run.measure('most lies of a token before it was left', mostLies);
});

async function liesOf(rules: FaultRules): Promise<number> {
  const path = `${rules.path}.log`;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  return isThere ? (await readCallLog(path)).spoilt : 0;
}
