import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { StrongroomError } from '../../src/model/errors.ts';
import { materialOfPair, nodeEcPair } from '../fixtures/key_material.ts';
import { type NodeSignature, nodeAlgorithm } from '../fixtures/node_algorithms.ts';
import { readCallLog } from '../shim/call_log.ts';
import type { FaultRules } from '../shim/fault_module.ts';
import { campaign } from './campaign.ts';
import { openFaultyFamily } from './faulty_family.ts';
import { quantile } from './quantile.ts';

const AT_ONCE = 6;
const OPERATIONS = 60;
const LEAST_SUCCESS = 0.999;
const MOST_LIES = 10;
const LONGEST_WAIT_MS = 60_000;
const LIES = 'C_Sign * flip ?';
const FAILURES = ['absent', 'C_Sign * sleep 500', LIES, 'C_Sign * return 0x30', 'C_Sign * return 0xb3'] as const;
const KEY = { name: 'ec' };

campaign('token_failures', async (t, run) => {
  const { engine, pool, rules } = await openFaultyFamily(t, { signatureChecks: 'always' });
  const node = nodeAlgorithm('ES256', 0) as NodeSignature;
  const pair = nodeEcPair('P-256');
  await engine.importKey({ ...KEY, material: materialOfPair(pair), operations: ['sign'] });

  const latencies: number[] = [];
  let failed = 0;
  const sign = async (): Promise<void> => {
    const message = run.random.bytes(32);
    const started = performance.now();
    try {
      const { signature } = await engine.sign({ key: KEY, algorithm: 'ES256', digest: node.input(message) });
      if (!node.verify(pair, message, signature)) run.fail('A wrong signature left the engine.');
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw error;
      failed += 1;
    }
    latencies.push(performance.now() - started);
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
    const failure = run.random.pick(FAILURES);
    const victim = run.random.pick(rules);
    const liesBefore = failure === LIES ? await liesOf(victim) : 0;
    await victim.set(...(failure === LIES ? ['log', failure] : [failure]));
    await traffic();
    if (failure === LIES) mostLies = Math.max(mostLies, (await liesOf(victim)) - liesBefore);
    await victim.clear();
    await heal();
  }
  const success = 1 - failed / latencies.length;
  if (success < LEAST_SUCCESS) run.fail(`Of all operations ${success} were done, and not ${LEAST_SUCCESS}.`);
  if (mostLies > MOST_LIES)
    run.fail(`A token gave ${mostLies} wrong signatures before it was left alone, and not ${MOST_LIES} at most.`);
  run.measure('operations', latencies.length);
  run.measure('success, %', success * 100);
  run.measure('p99, ms', quantile(latencies, 0.99));
  run.measure('longest, ms', quantile(latencies, 1));
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
