import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { StrongroomError } from '../../src/model/errors.ts';
import { materialOf } from '../fixtures/key_material.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';
import { openTestToken } from '../fixtures/softhsm_token.ts';
import { BAD_CIPHERTEXTS, type BadCiphertext } from './bad_ciphertexts.ts';
import { campaign } from './campaign.ts';
import { quantile } from './quantile.ts';

const RESAMPLES = 500;
const NANOSECONDS_PER_MS = 1e6;
const KEY = { name: 'rsa' };

/** Manger's oracle: whether the first byte of the block is zero. */
const PAIR = ['the first byte is not zero', 'the hash of another label'].map(
  (fault) => BAD_CIPHERTEXTS.find((bad) => bad.algorithm === 'RSA-OAEP-256' && bad.fault === fault) as BadCiphertext,
) as [BadCiphertext, BadCiphertext];

/** Nanoseconds: the median of the differences between two that were measured side by side, and where it is with 95 %. */
function differenceOf(
  differences: readonly number[],
  random: SeededRandom,
): { median: number; from: number; to: number } {
  const medians = Array.from({ length: RESAMPLES }, () =>
    quantile(
      differences.map(() => random.pick(differences)),
      0.5,
    ),
  );
  return { median: quantile(differences, 0.5), from: quantile(medians, 0.025), to: quantile(medians, 0.975) };
}

/* How fast something is depends on the machine and on who else works there: what is found is reported, and held against nothing. */
campaign('padding_timing', async (t, run) => {
  const token = await openTestToken();
  t.teardown(() => token.close());
  const { engine } = await token.openEngine({ pool: { hosts: 1, lanesPerHost: 1 } });
  const keys = { rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }), secret: randomBytes(32) };
  const material = materialOf(keys.rsa.privateKey.export({ format: 'jwk' }));
  await engine.importKey({ ...KEY, material, operations: ['decrypt'] });
  const refuse = async (bad: BadCiphertext): Promise<number> => {
    const { ciphertext } = bad.make(keys, run.random);
    const started = performance.now();
    try {
      await engine.decrypt({ key: KEY, algorithm: bad.algorithm, ciphertext });
    } catch (error) {
      if (error instanceof StrongroomError && error.code === 'DecryptionFailed')
        return (performance.now() - started) * NANOSECONDS_PER_MS;
      throw error;
    }
    throw new Error(`${bad.fault} was decrypted`);
  };
  const differences: number[] = [];
  const [one, other] = PAIR;
  for (; run.done < run.count; run.done++) {
    if (run.random.chance(0.5)) {
      const first = await refuse(one);
      differences.push(first - (await refuse(other)));
    } else {
      const first = await refuse(other);
      differences.push((await refuse(one)) - first);
    }
  }
  const { median, from, to } = differenceOf(differences, run.random);
  run.measure('median of the differences, ns', median);
  run.measure('95 % from, ns', from);
  run.measure('to, ns', to);
});
