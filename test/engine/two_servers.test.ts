import { randomBytes } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { KeySpec } from '../../src/model/key.ts';
import { writeSoftHsmConfiguration } from '../../src/pkcs11/softhsm_configuration.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { PostgresStore } from '../../src/store/postgres_store.ts';
import { openPostgresServer, type PostgresServer } from '../fixtures/postgres_server.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';
import { testWithPostgres as test } from '../fixtures/test_with_postgres.ts';

/** What the service promises, with something for a machine that is busy. */
const TAKES_EFFECT_MS = 1_000;
const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const DIGEST = randomBytes(32);

let postgres: PostgresServer;
let token: TestToken;
let directory: string;
let url: string;
const opened: (() => Promise<void>)[] = [];
let here: KeyEngine;
let there: KeyEngine;

test.before(async () => {
  [postgres, token] = await Promise.all([openPostgresServer(), openTestToken()]);
  directory = await mkdtemp(join(tmpdir(), 'strongroom-servers-'));
  url = await postgres.createDatabase();
  here = await openServer('here');
  there = await openServer('there');
});

test.after.always(async () => {
  await Promise.all(opened.map((close) => close()));
  await Promise.all([token?.close(), postgres?.close(), rm(directory, { recursive: true, force: true })]);
});

/** A pool over a copy of the token, which has the same pool keys, a store over the common database, and an engine over both. */
async function openServer(name: string): Promise<KeyEngine> {
  const tokenDirectory = join(directory, name, 'tokens');
  await cp(token.tokenDirectory, tokenDirectory, { recursive: true });
  const path = join(directory, name, 'softhsm2.conf');
  await writeSoftHsmConfiguration({ path, tokenDirectory });
  const pool = await HsmPool.open({
    ...token.poolOptions,
    environment: { SOFTHSM2_CONF: path },
    stateDirectory: join(directory, name, 'state'),
  });
  const store = await PostgresStore.open({ url, password: async () => postgres.password });
  const engine = await KeyEngine.open({ pool, store });
  opened.push(async () => {
    await engine.close();
    await store.close();
    await pool.close();
  });
  return engine;
}

const sign = (engine: KeyEngine, name: string, version?: string) =>
  engine.sign({ key: { name, version }, algorithm: 'ES256', digest: DIGEST });

/** Asks again and again until it is so, and answers how long that took. */
async function untilRefused(attempt: () => Promise<unknown>, code: string): Promise<number> {
  const started = performance.now();
  for (;;) {
    try {
      await attempt();
    } catch (error) {
      if (error instanceof StrongroomError && error.code === code) return performance.now() - started;
      throw error;
    }
    if (performance.now() - started > 10 * TAKES_EFFECT_MS) return Number.POSITIVE_INFINITY;
    await delay(10);
  }
}

function takesEffect(t: ExecutionContext, ms: number): void {
  t.true(ms <= TAKES_EFFECT_MS, `after ${Math.round(ms)} ms`);
}

test.serial('what happens while the database is away is refused, and known to both when it is back', async (t) => {
  const key = await here.createKey({ name: 'away', spec: P256 });
  await sign(there, key.name);
  await postgres.crash();
  takesEffect(t, await untilRefused(() => sign(there, key.name), 'ServiceUnavailable'));
  await refused(t, here.updateKey({ key, enabled: false }), 'ServiceUnavailable');
  await postgres.start();
  await here.updateKey({ key, enabled: false });
  takesEffect(t, await untilRefused(() => sign(there, key.name), 'Forbidden'));
});

test.serial('a key that one server made is used through the other as soon as it is made', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { name, version } = await here.createKey({ name: `made-${round}`, spec: P256 });
    const { signature } = await sign(there, name);
    t.deepEqual(await there.getKey({ name }), await here.getKey({ name }));
    const key = { name, version };
    t.true((await here.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid);
  }
});

test.serial('a key that is disabled through one server is refused by the other within a second', async (t) => {
  const key = await here.createKey({ name: 'disabled', spec: P256 });
  await sign(there, key.name);
  await sign(there, key.name, key.version);
  await here.updateKey({ key, enabled: false });
  takesEffect(t, await untilRefused(() => sign(there, key.name), 'Forbidden'));
  await refused(t, sign(there, key.name, key.version), 'Forbidden');
  await refused(t, sign(here, key.name), 'Forbidden');
});

test.serial('a key that is deleted through one server is gone from the other within a second', async (t) => {
  const { name } = await here.createKey({ name: 'deleted', spec: P256 });
  await sign(there, name);
  await here.deleteKey(name);
  takesEffect(t, await untilRefused(() => sign(there, name), 'KeyNotFound'));
  await refused(t, there.createKey({ name, spec: P256 }), 'Conflict');
  await there.recoverKey(name);
  t.is((await sign(there, name)).signature.length, 64);
});

test.serial('a new version through one server is the newest for the other within a second', async (t) => {
  const { name } = await here.createKey({ name: 'renewed', spec: P256 });
  await sign(there, name);
  const { version } = await here.createKey({ name, spec: P256 });
  const started = performance.now();
  while ((await sign(there, name)).version !== version) {
    if (performance.now() - started > 10 * TAKES_EFFECT_MS) break;
    await delay(10);
  }
  takesEffect(t, performance.now() - started);
});

test.serial('versions that both servers make of one name at once are all there', async (t) => {
  const made = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      (index % 2 === 0 ? here : there).createKey({ name: 'together', spec: P256 }),
    ),
  );
  const versions = made.map(({ version }) => version).toSorted();
  for (const engine of [here, there]) {
    const { items } = await engine.listKeyVersions('together', { limit: 25 });
    t.deepEqual(
      items.map(({ version }) => version),
      versions,
    );
    for (const version of versions) t.is((await sign(engine, 'together', version)).version, version);
  }
});

test.serial('an encryption key has its nonces counted for both servers together', async (t) => {
  const { name, version } = await here.createKey({ name: 'counted', spec: { keyType: 'oct-HSM', size: 256 } });
  const encrypt = (engine: KeyEngine) => engine.encrypt({ key: { name }, algorithm: 'A256GCM', plaintext: DIGEST });
  await encrypt(here);
  await encrypt(there);
  const [row] = await postgres.query(url, 'SELECT reserved FROM encryption_count WHERE version = $1', [version]);
  t.is(Number(row?.reserved), 2 * 65_536);
});
