import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createDataDirectory, dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { OperatedTokens } from '../../src/start/operated_tokens.ts';
import { type PreparedPool, preparePool } from '../../src/start/prepare_pool.ts';
import { TokenDecisions } from '../../src/start/token_decisions.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { refused } from '../fixtures/refused.ts';
import { until } from '../pool/several_tokens.ts';

const FIRST = 'strongroom';
const SECOND = 'strongroom-2';
const DIGEST = createHash('sha256').update('operated').digest();

const directory = mkdtempSync(join(tmpdir(), 'strongroom-operated-'));
const files = dataDirectory(directory);
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

interface Opened {
  readonly pool: HsmPool;
  readonly prepared: PreparedPool;
  readonly tokens: OperatedTokens;
}

/** As a start finds it. The tokens are made with the first of them. */
async function start(t: ExecutionContext, isFirst = false): Promise<Opened> {
  const flags = { dataDir: directory, 'hsm.ownTokens': '2', 'hsm.hosts': '1' };
  const configuration = loadConfiguration({ environment: {}, flags });
  await createDataDirectory(files);
  const prepared = await preparePool(configuration, files, isFirst);
  const pool = await HsmPool.open(prepared.options);
  t.teardown(() => pool.close({ drainMs: 0 }));
  return { pool, prepared, tokens: new OperatedTokens({ pool }, prepared) };
}

const states = (tokens: OperatedTokens) => tokens.list().map(({ name, state }) => `${name} ${state}`);

test.serial('operators see name, state, hosts and lanes of each token, and nothing of how it is reached', async (t) => {
  const { tokens, pool } = await start(t, true);
  t.deepEqual(states(tokens), [`${FIRST} healthy`, `${SECOND} healthy`]);
  t.like(tokens.get(SECOND), { profile: 'softhsm', hosts: 1, lanes: { perHost: 1, found: 'fixed' }, inFlight: 0 });
  t.false(JSON.stringify(tokens.list()).includes('/'), 'no path of module, PIN or token');
  await t.throwsAsync(async () => tokens.get('stranger'), { code: 'NotFound' });
  for (const deed of [tokens.drain('stranger'), tokens.resume('stranger'), tokens.remove('stranger', true)]) {
    await refused(t, deed, 'NotFound');
  }
  await pool.close({ drainMs: 0 });
});

test.serial('a token that was drained is out of service after a restart as well, until it is resumed', async (t) => {
  const before = await start(t);
  t.is((await before.tokens.drain(SECOND)).state, 'draining');
  t.is((await before.tokens.drain(SECOND)).state, 'draining');
  await refused(t, before.tokens.drain(FIRST), 'Conflict', 'LastToken');
  await before.pool.close({ drainMs: 0 });
  const after = await start(t);
  t.like(after.tokens.get(SECOND), { state: 'draining', hosts: 0 });
  t.is((await TokenDecisions.open(files.tokenDecisions)).of(FIRST), undefined, 'what was refused is not kept');
  await after.tokens.resume(SECOND);
  await until(() => after.tokens.get(SECOND).state === 'healthy');
  t.is((await TokenDecisions.open(files.tokenDecisions)).of(SECOND), undefined);
  await after.pool.close({ drainMs: 0 });
});

test.serial('a decision that cannot be kept is taken back', async (t) => {
  const { pool, prepared } = await start(t);
  const decisions = await TokenDecisions.open(join(directory, 'nowhere', 'tokens.json'));
  const tokens = new OperatedTokens({ pool }, { ...prepared, decisions });
  await t.throwsAsync(tokens.drain(SECOND), { code: 'ENOENT' });
  t.deepEqual(states(tokens), [`${FIRST} healthy`, `${SECOND} healthy`]);
  await pool.close({ drainMs: 0 });
});

test.serial('a token that keeps keys itself says so before it is removed, and they come back with it', async (t) => {
  const { pool, prepared, tokens } = await start(t);
  const store = await SqliteStore.open(files.store);
  const engine = await KeyEngine.open({ pool, store });
  t.teardown(async () => {
    await engine.close();
    await store.close();
  });
  await tokens.drain(FIRST);
  await engine.createKey({ name: 'resident', spec: { keyType: 'EC-HSM', curve: 'P-256' }, custody: 'resident' });
  await tokens.resume(FIRST);
  await refused(t, tokens.remove(SECOND, false), 'Conflict', 'TokenInService');
  await tokens.drain(SECOND);
  await refused(t, tokens.remove(SECOND, false), 'Conflict', 'TokenKeepsKeys');
  t.deepEqual(states(tokens), [`${FIRST} healthy`, `${SECOND} draining`]);
  t.is((await tokens.remove(SECOND, true)).state, 'removed');
  t.is((await tokens.remove(SECOND, false)).state, 'removed', 'it is so already');
  await refused(t, tokens.drain(SECOND), 'Conflict', 'TokenRemoved');
  await refused(t, tokens.resume(SECOND), 'Conflict', 'TokenRemoved');
  const key = { name: 'resident' };
  await refused(t, engine.sign({ key, algorithm: 'ES256', digest: DIGEST }), 'KeyMissing');
  await pool.close({ drainMs: 0 });
  t.is(prepared.decisions.of(SECOND), 'removed');
});

test.serial(
  'a token that was removed is none of the pool after a restart, and its decision is not another’s',
  async (t) => {
    const { pool, prepared, tokens } = await start(t);
    t.deepEqual(states(tokens), [`${FIRST} healthy`, `${SECOND} removed`]);
    t.is(pool.status().tokens.length, 1);
    t.is(pool.status().state, 'ready');
    await prepared.decisions.decide(SECOND, undefined);
    await pool.close({ drainMs: 0 });
  },
);

test.serial('a token that was removed is taken in again, and one that is out of service is put back', async (t) => {
  const { pool, prepared, tokens } = await start(t);
  await tokens.drain(SECOND);
  t.is((await tokens.remove(SECOND, true)).state, 'removed');
  t.is((await tokens.add(SECOND)).state, 'healthy');
  t.is(prepared.decisions.of(SECOND), undefined);
  await tokens.drain(SECOND);
  await tokens.add(SECOND);
  t.deepEqual(states(tokens), [`${FIRST} healthy`, `${SECOND} healthy`]);
  await refused(t, tokens.add('stranger'), 'NotFound');
  await pool.close({ drainMs: 0 });
});

test.serial('a token without keys of its own is removed, and one that cannot be asked is refused', async (t) => {
  const { pool, tokens } = await start(t);
  await tokens.drain(FIRST);
  t.is((await tokens.remove(FIRST, false)).state, 'removed');
  await pool.close({ drainMs: 0 });
  const decisions = await TokenDecisions.open(files.tokenDecisions);
  await decisions.decide(FIRST, 'drained');
  const after = await start(t);
  await refused(t, after.tokens.remove(FIRST, false), 'Conflict', 'TokenKeepsKeys');
  t.is((await after.tokens.remove(FIRST, true)).state, 'removed');
  await after.pool.close({ drainMs: 0 });
});
