import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { truncate } from 'node:fs/promises';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { nodePublicKey } from '../fixtures/key_material.ts';
import { type NodeSignature, nodeAlgorithm } from '../fixtures/node_algorithms.ts';
import { readCallLog } from '../shim/call_log.ts';
import { campaign } from './campaign.ts';
import { openFaultyEngine } from './faulty_engine.ts';

const AT_ONCE = 200;
const BATCHES_A_ROUND = 10;
/** So many signatures of an instance are right: those of its self-tests among them, for it has to get to work. */
const RIGHT_FIRST = 24;
const KEYS = [
  { name: 'ec', spec: { keyType: 'EC-HSM', curve: 'P-256' }, algorithms: ['ES256'] },
  { name: 'rsa', spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 }, algorithms: ['RS256', 'PS256'] },
] as const;
const OCT_VALUE = randomBytes(32);
const OCT = { name: 'oct', algorithms: ['HS256'] } as const;
/** RSA is many times slower, and the checks are the same. */
const RSA_SHARE = 0.1;
const OCT_SHARE = 0.2;

campaign('flipped_signatures', async (t, run) => {
  const { engine, pool, rules } = await openFaultyEngine(t, { signatureChecks: 'always' }, 30_000);
  const nodeKeys = new Map<string, KeyObject>([[OCT.name, createSecretKey(OCT_VALUE)]]);
  const material = { keyType: 'oct-HSM', value: OCT_VALUE } as const;
  await engine.importKey({ name: OCT.name, material, operations: ['sign', 'verify'] });
  for (const { name, spec } of KEYS) {
    const { publicKey } = await engine.createKey({ name, spec });
    if (publicKey === undefined) return t.fail('a key without a public part');
    nodeKeys.set(name, nodePublicKey(publicKey));
  }
  const log = `${rules.path}.log`;
  const outcomes = new Map<string, number>();
  const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const sign = async (): Promise<void> => {
    const [ec, rsa] = KEYS;
    const asymmetric = run.random.chance(RSA_SHARE) ? rsa : ec;
    const { name, algorithms } = run.random.chance(OCT_SHARE) ? OCT : asymmetric;
    const algorithm = run.random.pick<AlgorithmName>(algorithms);
    const node = nodeAlgorithm(algorithm, 0) as NodeSignature;
    const message = run.random.bytes(32);
    const key = nodeKeys.get(name) as KeyObject;
    try {
      const { signature } = await engine.sign({ key: { name }, algorithm, digest: node.input(message) });
      const isRight = node.verify({ publicKey: key, privateKey: key }, message, signature);
      count(isRight ? 'right' : 'wrong');
      if (!isRight)
        run.fail(`A wrong signature by ${algorithm} left the engine: ${Buffer.from(signature).toString('hex')}`);
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw error;
      count(error.code);
    }
  };
  await rules.set('log', `seed ${run.random.uint32()}`, `C_Sign ${RIGHT_FIRST}+ flip ?`);
  while (run.done < run.count) {
    for (let batch = 0; batch < BATCHES_A_ROUND; batch++) await Promise.all(Array.from({ length: AT_ONCE }, sign));
    const { spoilt } = await readCallLog(log);
    await truncate(log);
    run.done += spoilt;
    if (pool.status().state !== 'ready') pool.resume();
  }
  t.log([...outcomes].map(([outcome, times]) => `${outcome} ${times}`).join(', '));
  run.measure('signatures given', outcomes.get('right') ?? 0);
  run.measure(
    'refused',
    [...outcomes].reduce((sum, [outcome, times]) => (outcome === 'right' ? sum : sum + times), 0),
  );
});
