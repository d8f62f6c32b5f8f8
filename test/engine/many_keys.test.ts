import { randomBytes } from 'node:crypto';
import test from 'ava';
import { openTestToken } from '../fixtures/softhsm_token.ts';

const KEYS = 10_000;
const AT_ONCE = 64;

/** Runs `work` for each index, a number of them at once. */
async function forEachIndex(count: number, atOnce: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, run));
}

test('ten thousand keys in the store, and the first use of each', async (t) => {
  t.timeout(240_000);
  const token = await openTestToken();
  t.teardown(() => token.close());
  const limits = { keys: KEYS, sessionObjectsPerHost: 500, keyVersionsCached: 2_000 };
  const first = await token.openEngine({ limits, storeName: 'many.db' });
  const patient = { timeoutMs: 60_000 };
  let started = performance.now();
  await forEachIndex(KEYS, AT_ONCE, async (index) => {
    await first.engine.createKey({ name: `key-${index}`, spec: { keyType: 'oct-HSM', size: 256 } });
  });
  t.log(`made ${Math.round((KEYS / (performance.now() - started)) * 1000)} keys a second`);
  await first.close();

  // An engine that has seen none of them.
  const { engine } = await token.openEngine({ limits, storeName: 'many.db' });
  const plaintext = randomBytes(32);
  started = performance.now();
  await forEachIndex(KEYS, AT_ONCE, async (index) => {
    const key = { name: `key-${index}` };
    const { ciphertext, iv } = await engine.encrypt({ key, algorithm: 'A256CBC', plaintext, ...patient });
    const opened = await engine.decrypt({ key, algorithm: 'A256CBC', ciphertext, iv, ...patient });
    if (Buffer.compare(opened.plaintext, plaintext) !== 0) throw new Error(`${key.name} decrypted to something else`);
  });
  t.log(`used ${Math.round((KEYS / (performance.now() - started)) * 1000)} keys a second for the first time`);
  const { custody, keyVersionsCached, pool } = engine.status();
  t.true(keyVersionsCached <= limits.keyVersionsCached);
  t.true(custody.objects <= limits.sessionObjectsPerHost * pool.hosts.length);
  t.true(custody.brought >= KEYS);
  t.is(custody.destroyFailures, 0);
  t.deepEqual(pool.ended, []);
});
