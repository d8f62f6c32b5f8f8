import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { KeySpec } from '../../src/model/key.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { refused } from '../fixtures/refused.ts';
import { type TokenFamily, tokenFamily, until } from '../pool/several_tokens.ts';

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const DIGEST = createHash('sha256').update('several tokens').digest();

let family: TokenFamily;
let pool: HsmPool;
let store: SqliteStore;
let engine: KeyEngine;

test.before(async () => {
  family = await tokenFamily(2);
  pool = await HsmPool.open({ tokens: family.options, stateDirectory: family.stateDirectory });
  store = await SqliteStore.open(join(family.stateDirectory, 'store.db'));
  engine = await KeyEngine.open({ pool, store });
});

test.after.always(async () => {
  await engine?.close();
  await pool?.close({ drainMs: 0 });
  await store?.close();
  await family?.remove();
});

/** Takes a token out of service, as if it had failed, for as long as `work` takes. */
async function without(name: string, work: () => Promise<void>): Promise<void> {
  const token = pool.tokens.find((each) => each.name === name);
  token?.group.declareUnfit('for the test');
  try {
    await work();
  } finally {
    pool.resume();
    await until(() => pool.status().state === 'ready');
  }
}

test.serial('a key in wrapped custody is usable while either token is away', async (t) => {
  for (const spec of [P256, OCT]) await engine.createKey({ name: `wrapped-${spec.keyType}`, spec });
  for (const name of ['a', 'b']) {
    await without(name, async () => {
      const key = { name: 'wrapped-EC-HSM' };
      const { signature } = await engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
      t.true((await engine.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid);
      const secret = { name: 'wrapped-oct-HSM' };
      const sealed = await engine.encrypt({ key: secret, algorithm: 'A256GCM', plaintext: DIGEST });
      const opened = await engine.decrypt({ key: secret, algorithm: 'A256GCM', ...sealed });
      t.deepEqual(opened.plaintext, new Uint8Array(DIGEST));
    });
  }
});

test.serial('a new key is proven in a second token before it is acknowledged', async (t) => {
  const unwrapped = new Set<string>();
  const call = pool.call.bind(pool);
  t.teardown(() => Object.assign(pool, { call }));
  Object.assign(pool, {
    call: (...given: Parameters<HsmPool['call']>) => {
      const [request, options = {}] = given;
      const prepare: typeof request = async (host) => {
        const prepared = typeof request === 'function' ? await request(host) : request;
        if (prepared.object === host.poolKeys.kek && prepared.input !== undefined) unwrapped.add(host.token.name);
        return prepared;
      };
      return call(prepare, options);
    },
  });
  await engine.createKey({ name: 'proven', spec: P256 });
  t.deepEqual([...unwrapped].sort(), ['a', 'b']);
});

test.serial('a key is made while there is only one token that serves', async (t) => {
  await without('b', async () => {
    await engine.createKey({ name: 'alone', spec: P256 });
  });
  const { signature } = await engine.sign({ key: { name: 'alone' }, algorithm: 'ES256', digest: DIGEST });
  t.is(signature.length, 64);
});

test.serial('a key in resident custody is used where it is, and refused clearly while its token is away', async (t) => {
  const key = { name: 'resident' };
  await engine.createKey({ ...key, spec: P256, custody: 'resident' });
  for (let round = 0; round < 20; round++) {
    const { signature } = await engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
    t.true((await engine.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid);
  }
  await without('a', async () => {
    const fresh = await KeyEngine.open({ pool, store });
    await refused(t, fresh.sign({ key, algorithm: 'ES256', digest: DIGEST }), 'ServiceUnavailable', 'TokenAway');
    await refused(t, engine.sign({ key, algorithm: 'ES256', digest: DIGEST }), 'ServiceUnavailable');
    await fresh.close();
  });
  await without('b', async () => {
    await t.notThrowsAsync(engine.sign({ key, algorithm: 'ES256', digest: DIGEST }));
  });
});

test.serial('a resident key that is purged leaves no object in any token', async (t) => {
  await engine.createKey({ name: 'purged', spec: P256, custody: 'resident' });
  await engine.deleteKey('purged');
  await engine.purgeKey('purged');
  for (const { serial } of pool.tokens) t.deepEqual(await store.listIntents(serial), []);
  await refused(t, engine.sign({ key: { name: 'purged' }, algorithm: 'ES256', digest: DIGEST }), 'KeyNotFound');
});
