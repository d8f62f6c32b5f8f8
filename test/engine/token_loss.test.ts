import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { KeySpec } from '../../src/model/key.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { findObjects } from '../fixtures/token_inventory.ts';
import { type FaultyTokens, faultyTokens } from '../pool/faulty_tokens.ts';
import { stateOf, until } from '../pool/several_tokens.ts';
import type { FaultRules } from '../shim/fault_module.ts';

/* What becomes of keys and operations while one of two tokens fails, or does not do what it says that it does. */

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const DIGEST = createHash('sha256').update('the loss of a token').digest();
const POOL_KEYS = 6;

let tokens: FaultyTokens;
let pool: HsmPool;
let store: SqliteStore;
let engine: KeyEngine;
let first: FaultRules;

test.before(async () => {
  tokens = await faultyTokens(2);
  [first] = tokens.rules as [FaultRules];
  pool = await tokens.open([0, 1]);
  store = await SqliteStore.open(join(tokens.stateDirectory, 'store.db'));
  engine = await KeyEngine.open({ pool, store });
});
test.after.always(async () => {
  await engine?.close();
  await store?.close();
  await tokens?.close();
});

test.afterEach.always(async () => {
  await first.clear();
  await until(() => {
    pool.resume();
    return pool.status().state === 'ready';
  });
});

let names = 0;

async function proveUsable(name: string, { keyType }: KeySpec): Promise<boolean> {
  const key = { name };
  if (keyType === 'oct-HSM') {
    const sealed = await engine.encrypt({ key, algorithm: 'A256GCM', plaintext: DIGEST });
    const { plaintext } = await engine.decrypt({ key, algorithm: 'A256GCM', ...sealed });
    return DIGEST.equals(plaintext);
  }
  const { signature } = await engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
  return (await engine.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid;
}

const LOSSES = {
  'dies before it has wrapped the key': 'C_WrapKey 1 abort once',
  'dies when it has wrapped the key': 'C_WrapKey 1 after abort once',
  'fails when it is to wrap the key': 'C_WrapKey * return 0x30',
  'is pulled out when it is to unwrap the key': 'C_UnwrapKey * return 0xe0',
  'dies when it tells the public half': 'C_GetAttributeValue 1 abort once',
  'loses its login when it is to wrap the key': 'C_WrapKey 1 return 0x101 once',
} as const;

for (const [loss, rule] of Object.entries(LOSSES)) {
  test.serial(`a key whose token ${loss} is made in another, and the caller does not notice`, async (t) => {
    for (const spec of [P256, OCT]) {
      await first.set(rule);
      // Whichever token is chosen, a few keys go to this one.
      for (let made = 0; made < 4; made++) {
        const name = `lost-${names++}`;
        await engine.createKey({ name, spec });
        t.true(await proveUsable(name, spec));
      }
      await first.clear();
    }
    for (const token of pool.tokens) {
      const [host] = token.group.hosts;
      if (host?.alive === true) t.is((await findObjects(pool, { CKA_TOKEN: true }, host)).length, POOL_KEYS);
    }
  });
}

const RESIDENT_LOSSES = {
  'fails when the key is to become one of its own': 'C_UnwrapKey * return 0x30',
  'dies when the key has become one of its own': 'C_UnwrapKey 1 after abort once',
  'is written to by nobody': 'C_CreateObject * return 0xe2',
} as const;

for (const [loss, rule] of Object.entries(RESIDENT_LOSSES)) {
  test.serial(
    `a resident key whose token ${loss} is made in another, and nothing of it stays in the first`,
    async (t) => {
      const fresh = await KeyEngine.open({ pool, store, syncToken: async () => undefined });
      t.teardown(() => fresh.close());
      await first.set(rule);
      const name = `resident-${names++}`;
      await fresh.createKey({ name, spec: P256, custody: 'resident' });
      await first.clear();
      const { signature } = await fresh.sign({ key: { name }, algorithm: 'ES256', digest: DIGEST });
      t.is(signature.length, 64);
      await until(() => {
        pool.resume();
        return pool.status().state === 'ready';
      });
      // An engine that opens settles what was left behind.
      const next = await KeyEngine.open({ pool, store, syncToken: async () => undefined });
      t.teardown(() => next.close());
      const [a] = pool.tokens;
      await until(() => a?.group.hosts[0]?.alive === true);
      t.is((await findObjects(pool, { CKA_TOKEN: true }, a?.group.hosts[0])).length, POOL_KEYS);
      t.deepEqual(await store.listIntents(a?.serial as string), []);
      t.true((await next.sign({ key: { name }, algorithm: 'ES256', digest: DIGEST })).signature.length === 64);
    },
  );
}

test.serial(
  'a mechanism that a token does not do after all is done by another, and the token does all else',
  async (t) => {
    const name = `mechanism-${names++}`;
    const secret = `secret-${names++}`;
    await engine.createKey({ name, spec: P256 });
    await engine.createKey({ name: secret, spec: OCT });
    // CKR_MECHANISM_INVALID; the token's own seals go by C_Sign as well, so that they are not what is asked here.
    await first.set('C_VerifyInit * return 0x70');
    for (let count = 0; count < 20; count++) t.true(await proveUsable(name, P256));
    const [a] = pool.tokens;
    t.is(stateOf(pool, 'a'), 'healthy', 'it is no failure of the token');
    t.is([...(a?.realisations ?? [])].filter(({ mechanism }) => mechanism === 'CKM_ECDSA').length, 0);
    t.true([...(a?.realisations ?? [])].some(({ mechanism }) => mechanism === 'CKM_AES_GCM'));
    t.true(await proveUsable(secret, OCT));
    await first.clear();
    pool.resume();
    t.true(
      [...(a?.realisations ?? [])].some(({ mechanism }) => mechanism === 'CKM_ECDSA'),
      'it is looked at again',
    );
  },
);

test.serial('a mechanism that no token does is asked for all the same the next time', async (t) => {
  const name = `nowhere-${names++}`;
  await engine.createKey({ name, spec: P256 });
  for (const rules of tokens.rules) await rules.set('C_VerifyInit * return 0x70');
  const { signature } = await engine.sign({ key: { name }, algorithm: 'ES256', digest: DIGEST });
  const request = { key: { name }, algorithm: 'ES256', digest: DIGEST, signature } as const;
  for (let count = 0; count < 4; count++) await t.throwsAsync(engine.verify(request), { code: 'NotSupported' });
  for (const rules of tokens.rules) await rules.clear();
  t.true((await engine.verify(request)).valid);
});

test.serial('a key size that one token does not take says nothing of the mechanism', async (t) => {
  const name = `size-${names++}`;
  await engine.createKey({ name, spec: P256 });
  await first.set('C_VerifyInit * return 0x62');
  for (let count = 0; count < 20; count++) t.true(await proveUsable(name, P256));
  const [a] = pool.tokens;
  t.true([...(a?.realisations ?? [])].some(({ mechanism }) => mechanism === 'CKM_ECDSA'));
});

test.serial(
  'a token that cannot unwrap under the KEK any more is left, for it can do nothing with any key',
  async (t) => {
    const key = `unwrapped-${names++}`;
    await engine.createKey({ name: key, spec: P256 });
    await first.set('C_UnwrapKey * return 0x70');
    const made: string[] = [];
    for (let count = 0; count < 6; count++) {
      const name = `unwrapped-${names++}`;
      await engine.createKey({ name, spec: P256 });
      made.push(name);
    }
    for (const name of made) t.true(await proveUsable(name, P256));
    t.is(stateOf(pool, 'b'), 'healthy');
  },
);
