import { randomBytes } from 'node:crypto';
import test from 'ava';
import { EncryptionBudget } from '../../src/engine/encryption_budget.ts';
import { LoadedKey } from '../../src/engine/loaded_key.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { Store } from '../../src/store/store.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';
import { keyVersion } from '../store/store_records.ts';

let token: TestToken;

test.before(async () => {
  token = await openTestToken();
});

test.after.always(() => token.close());

interface Counter extends Store {
  reserved: number;
  calls: number;
}

function counter(): Counter {
  const store = {
    reserved: 0,
    calls: 0,
    reserveEncryptions: async (_name: string, _version: string, count: number, maximum: number) => {
      store.calls += 1;
      await new Promise((resolve) => setImmediate(resolve));
      const before = store.reserved;
      if (before + count > maximum) throw new StrongroomError('Forbidden', 'None left.');
      store.reserved += count;
      return before;
    },
  };
  return store as unknown as Counter;
}

test('encryptions are reserved before they are done, many at a time, and once for all that wait', async (t) => {
  const store = counter();
  const budget = new EncryptionBudget(store, 100, 1_000);
  const key = new LoadedKey(keyVersion().record);
  t.false(budget.take(key));
  await Promise.all(Array.from({ length: 60 }, () => budget.takeLater(key)));
  t.is(store.calls, 1);
  t.is(store.reserved, 100);
  t.is(key.encryptionsLeft, 40);
});

test('a busy key gets the next block before it has used up the last', async (t) => {
  const store = counter();
  const budget = new EncryptionBudget(store, 100, 1_000);
  const key = new LoadedKey(keyVersion().record);
  await budget.takeLater(key);
  for (let index = 0; index < 74; index++) t.true(budget.take(key));
  t.is(store.calls, 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.is(key.encryptionsLeft, 125);
});

test('at the maximum there are none left, and what was reserved can still be used', async (t) => {
  const store = counter();
  const budget = new EncryptionBudget(store, 10, 20);
  const key = new LoadedKey(keyVersion().record);
  const results = await Promise.allSettled(Array.from({ length: 25 }, () => budget.takeLater(key)));
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 20);
  await refused(t, budget.takeLater(key), 'Forbidden');
  t.is(store.reserved, 20);
});

test('a key version encrypts as often as it may and no more, over restarts too', async (t) => {
  const limits = { gcmEncryptionsPerKeyVersion: 12, gcmEncryptionsReserved: 4 };
  const plaintext = randomBytes(16);
  const request = { key: { name: 'counted' }, algorithm: 'A256GCM', plaintext } as const;
  const first = await token.openEngine({ limits, storeName: 'counted.db' });
  await first.engine.createKey({ name: 'counted', spec: { keyType: 'oct-HSM', size: 256 } });
  const sealed = await first.engine.encrypt(request);
  await first.close();
  const second = await token.openEngine({ limits, storeName: 'counted.db' });
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => second.engine.encrypt(request)));
  // The first engine took four and used one.
  t.is(answers.filter(({ status }) => status === 'fulfilled').length, 8);
  await refused(t, second.engine.encrypt(request), 'Forbidden', 'EncryptionLimitReached');
  const { ciphertext, iv, tag } = sealed;
  t.deepEqual((await second.engine.decrypt({ ...request, ciphertext, iv, tag })).plaintext, new Uint8Array(plaintext));
  await t.notThrowsAsync(second.engine.encrypt({ ...request, algorithm: 'A256CBC' }));
  const made = await second.engine.createKey({ name: 'counted', spec: { keyType: 'oct-HSM', size: 256 } });
  t.is((await second.engine.encrypt(request)).version, made.version);
});

test('no two encryptions have the same initialisation vector', async (t) => {
  const { engine } = await token.openEngine();
  await engine.createKey({ name: 'many', spec: { keyType: 'oct-HSM', size: 128 } });
  const plaintext = new Uint8Array(16);
  const seen = new Set<string>();
  for (let round = 0; round < 5; round++) {
    const results = await engine.batch(
      Array.from(
        { length: 1_000 },
        () => ({ operation: 'encrypt', key: { name: 'many' }, algorithm: 'A128GCM', plaintext }) as const,
      ),
    );
    for (const result of results) {
      if (!result.ok) throw result.error;
      seen.add(Buffer.from((result.result as { iv: Uint8Array }).iv).toString('hex'));
    }
  }
  t.is(seen.size, 5_000);
});
