import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createDataDirectory, dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { type PreparedPool, preparePool } from '../../src/start/prepare_pool.ts';
import { until } from '../pool/several_tokens.ts';

const ROW = Buffer.from('row');

/** Of a test alone. */
function newDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'strongroom-own-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function prepare(dataDir: string, ownTokens: number, storeIsNew: boolean): Promise<PreparedPool> {
  const flags = { dataDir, 'hsm.ownTokens': String(ownTokens), 'hsm.hosts': '1' };
  const configuration = loadConfiguration({ environment: {}, flags });
  const files = dataDirectory(configuration.dataDir);
  await createDataDirectory(files);
  return preparePool(configuration, files, storeIsNew);
}

/** As a start does it; `use` is given the pool. */
async function start<Result>(
  dataDir: string,
  ownTokens: number,
  storeIsNew: boolean,
  use: (pool: HsmPool) => Promise<Result>,
): Promise<Result> {
  const pool = await HsmPool.open((await prepare(dataDir, ownTokens, storeIsNew)).options);
  try {
    return await use(pool);
  } finally {
    await pool.close({ drainMs: 0 });
  }
}

const namesAndStates = (pool: HsmPool) => pool.status().tokens.map(({ name, state }) => `${name} ${state}`);
const ALL_THREE = ['strongroom healthy', 'strongroom-2 healthy', 'strongroom-3 healthy'];

test('a first start makes as many tokens as are wanted, with the same pool keys, and the next start finds them', async (t) => {
  const directory = newDirectory(t);
  const seal = await start(directory, 3, true, async (pool) => {
    t.deepEqual(namesAndStates(pool), ALL_THREE);
    t.is(pool.label, 'strongroom');
    return pool.seal(ROW);
  });
  await start(directory, 3, false, async (pool) => {
    t.deepEqual(namesAndStates(pool), ALL_THREE);
    t.true(await pool.verifySeal(ROW, seal));
  });
});

test('each token of our own has a directory, a configuration and PINs of its own', async (t) => {
  const directory = newDirectory(t);
  await start(directory, 2, true, async () => undefined);
  const read = (name: string) => ['token', 'token_2'].map((each) => readFileSync(join(directory, each, name), 'utf8'));
  for (const name of ['user_pin', 'so_pin', 'softhsm2.conf']) t.is(new Set(read(name)).size, 2, name);
  for (const each of ['token', 'token_2']) t.is(readdirSync(join(directory, each, 'tokens')).length, 1, each);
});

test('a data directory of one token opens with more of them: the first stays as it is, and the others get its pool keys', async (t) => {
  const directory = newDirectory(t);
  const [seal, serial] = await start(directory, 1, true, async (pool) => [
    await pool.seal(ROW),
    pool.tokens[0]?.serial,
  ]);
  await start(directory, 3, false, async (pool) => {
    t.deepEqual(namesAndStates(pool), ALL_THREE);
    t.is(pool.tokens[0]?.serial, serial);
    t.true(await pool.verifySeal(ROW, seal));
  });
});

test('with fewer than before, the rest is left unused, and named', async (t) => {
  const directory = newDirectory(t);
  await start(directory, 3, true, async () => undefined);
  const { options, unused } = await prepare(directory, 1, false);
  t.is(options.tokens.length, 1);
  t.deepEqual(unused, ['strongroom-2', 'strongroom-3']);
  t.deepEqual((await prepare(directory, 3, false)).unused, []);
});

test('a token that was made and is lost is told as missing, and made anew when its whole directory is gone', async (t) => {
  const directory = newDirectory(t);
  await start(directory, 2, true, async () => undefined);
  const tokens = join(directory, 'token_2', 'tokens');
  renameSync(tokens, `${tokens}.away`);
  await start(directory, 2, false, async (pool) => {
    t.deepEqual(namesAndStates(pool), ['strongroom healthy', 'strongroom-2 suspended']);
    t.is(pool.status().state, 'degraded');
    rmSync(tokens, { recursive: true });
    renameSync(`${tokens}.away`, tokens);
    await until(() => pool.status().state === 'ready');
  });
  rmSync(join(directory, 'token_2'), { recursive: true });
  await start(directory, 2, false, async (pool) => {
    t.deepEqual(namesAndStates(pool), ['strongroom healthy', 'strongroom-2 healthy']);
  });
});

test('a first token that is lost is not made anew, and the pool serves from the others', async (t) => {
  const directory = newDirectory(t);
  const seal = await start(directory, 2, true, (pool) => pool.seal(ROW));
  rmSync(join(directory, 'token'), { recursive: true });
  await start(directory, 2, false, async (pool) => {
    t.deepEqual(namesAndStates(pool), ['strongroom suspended', 'strongroom-2 healthy']);
    t.true(await pool.verifySeal(ROW, seal));
  });
});

test('with a store that others share, a token without pool keys gets those of another, and none are made', async (t) => {
  const directory = newDirectory(t);
  await start(directory, 1, true, async () => undefined);
  const flags = { dataDir: directory, 'hsm.ownTokens': '2', 'store.url': 'postgres://nobody@nowhere/none' };
  const configuration = loadConfiguration({ environment: {}, flags });
  const { options } = await preparePool(configuration, dataDirectory(directory), false);
  const [first, second] = options.tokens;
  if (first === undefined || second === undefined) return t.fail('two tokens');
  const alone = HsmPool.open({ ...options, tokens: [second] });
  await t.throwsAsync(alone, { code: 'ServiceUnavailable' }, 'alone it has nobody to get them from');
  const pool = await HsmPool.open({ ...options, tokens: [first, second] });
  t.deepEqual(namesAndStates(pool), ['strongroom healthy', 'strongroom-2 healthy']);
  await pool.close({ drainMs: 0 });
});
