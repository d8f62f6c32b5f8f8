import { access } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { sealRequest } from '../../src/pool/pool_keys.ts';
import { refused } from '../fixtures/refused.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { sessionKeyGeneration } from './session_key.ts';
import { openFamily, stateOf, type TokenFamily, tokenFamily, until } from './several_tokens.ts';

let family: TokenFamily;
test.before(async () => {
  family = await tokenFamily(2);
});
test.after.always(() => family.remove());

const ROW = Buffer.from('row');
const GENERATE = sessionKeyGeneration();

/** Callers that seal and make keys one after the other until they are stopped; any failure of theirs fails the test. */
class Load {
  readonly #pool: HsmPool;
  readonly #callers: Promise<void>[];
  /** Tokens that have been given work since `forget`. */
  readonly used = new Set<string>();
  done = 0;
  #stopped = false;

  constructor(pool: HsmPool) {
    this.#pool = pool;
    this.#callers = Array.from({ length: 16 }, (_, at) => this.#call(at % 4 === 0));
    for (const caller of this.#callers) caller.catch(() => undefined);
  }

  /** Resolves when so many more are done. */
  async more(count: number): Promise<void> {
    const wanted = this.done + count;
    await Promise.race([until(() => this.done >= wanted), Promise.all(this.#callers)]);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  async #call(makes: boolean): Promise<void> {
    while (!this.#stopped) {
      const effect = makes ? 'mutating' : 'pure';
      await this.#pool.call(
        (host) => {
          this.used.add(host.token.name);
          return makes ? { ...GENERATE } : sealRequest(host, ROW);
        },
        { effect },
      );
      this.done++;
    }
  }
}

function loaded(t: ExecutionContext, pool: HsmPool): Load {
  const load = new Load(pool);
  t.teardown(() => load.stop().catch(() => undefined));
  return load;
}

test.serial(
  'nothing fails while a token drains under load, and it is given nothing new until it is resumed',
  async (t) => {
    const pool = await openFamily(t, family);
    const load = loaded(t, pool);
    await load.more(200);
    t.deepEqual([...load.used].sort(), ['a', 'b']);
    for (let round = 0; round < 5; round++) {
      await pool.drain('a');
      t.like(pool.status().tokens[0], { name: 'a', state: 'draining', inFlight: 0 });
      t.is(pool.status().state, 'ready', 'who is drained is not missed');
      load.used.clear();
      await load.more(200);
      t.deepEqual([...load.used], ['b']);
      pool.resumeToken('a');
      load.used.clear();
      await until(() => load.used.has('a'));
    }
    await load.stop();
  },
);

test.serial('a token that drains finishes what it is at', async (t) => {
  const [first, second] = family.options;
  const rules = new FaultRules(family.tokens[0]?.directory ?? '', 'control-slow');
  if (first === undefined || second === undefined) return t.fail('two tokens');
  const slow = { ...first, module: FAULT_MODULE, environment: { ...first.environment, ...rules.environment } };
  const pool = await HsmPool.open({ tokens: [slow, second], stateDirectory: family.stateDirectory });
  t.teardown(async () => {
    await pool.close({ drainMs: 0 });
    await rules.clear();
  });
  await rules.set('C_GenerateKey * sleep 1000');
  const token = pool.tokens.find(({ name }) => name === 'a');
  let answered = false;
  const made = pool.call({ ...GENERATE }, { token, effect: 'mutating' }).then((completion) => {
    answered = true;
    return completion;
  });
  await until(() => (pool.status().tokens[0]?.inFlight ?? 0) > 0);
  await pool.drain('a');
  t.true(answered, 'it was waited for');
  t.is((await made).returnValue, 0);
});

test.serial('what was decided twice is as if it was decided once', async (t) => {
  const pool = await openFamily(t, family);
  await pool.drain('b');
  await pool.drain('b');
  t.is(stateOf(pool, 'b'), 'draining');
  pool.resumeToken('b');
  pool.resumeToken('b');
  t.is(stateOf(pool, 'b'), 'healthy');
  t.is((await pool.seal(ROW)).length, 32);
});

test.serial('resuming the pool leaves drained tokens as they are', async (t) => {
  const pool = await openFamily(t, family);
  await pool.drain('b');
  pool.resume();
  t.is(stateOf(pool, 'b'), 'draining');
});

test.serial(
  'the last healthy token is neither drained nor removed, also when both are asked for at once',
  async (t) => {
    const pool = await openFamily(t, family);
    const [one, other] = await Promise.allSettled([pool.drain('a'), pool.drain('b')]);
    t.is(one.status, 'fulfilled');
    t.is(other.status, 'rejected');
    await refused(t, pool.drain('b'), 'Conflict', 'LastToken');
    await refused(t, pool.remove('b'), 'Conflict', 'LastToken');
    t.is(stateOf(pool, 'b'), 'healthy');
    t.is((await pool.seal(ROW)).length, 32);
  },
);

test.serial('a token that is drained while the other one has failed leaves nobody: it is refused', async (t) => {
  const pool = await openFamily(t, family);
  pool.tokens.find(({ name }) => name === 'a')?.group.declareUnfit('for the test');
  await refused(t, pool.drain('b'), 'Conflict', 'LastToken');
  t.is(pool.status().tokens[0]?.reasonCode, 'SelfTestFailed');
  pool.resume();
  await until(() => pool.status().state === 'ready');
});

test.serial('a token is removed after it was drained, and nothing fails of it', async (t) => {
  const pool = await openFamily(t, family);
  const load = loaded(t, pool);
  await load.more(100);
  await refused(t, pool.remove('a'), 'Conflict', 'TokenInService');
  const pids = pool.status().hosts.filter(({ token }) => token === 'a');
  await pool.drain('a');
  await pool.remove('a');
  t.deepEqual(
    pool.status().tokens.map(({ name }) => name),
    ['b'],
  );
  for (const { pid } of pids) await t.throwsAsync(access(`/proc/${pid}/fd`), undefined, 'its hosts have ended');
  await load.more(100);
  await load.stop();
  t.is(pool.status().state, 'ready');
  await refused(t, pool.drain('a'), 'NotFound');
  await refused(t, pool.remove('a'), 'NotFound');
  await refused(t, pool.drain('b'), 'Conflict', 'LastToken');
});

test.serial('a token that failed is removed without being drained', async (t) => {
  const pool = await openFamily(t, family);
  pool.tokens.find(({ name }) => name === 'a')?.group.declareUnfit('for the test');
  await pool.remove('a');
  t.is(pool.status().state, 'ready');
  t.is((await pool.seal(ROW)).length, 32);
});

test.serial('a pool tells who listens when another token is open than before', async (t) => {
  const pool = await openFamily(t, family);
  let told = 0;
  pool.onTokensChanged(() => told++);
  await pool.drain('a');
  await pool.remove('a');
  t.is(told, 1);
  t.is(pool.tokens.length, 1);
});

test.serial('a token that was drained before the start is not opened until it is resumed', async (t) => {
  const [first, second] = family.options;
  if (first === undefined || second === undefined) return t.fail('two tokens');
  const tokens = [{ ...first, drained: true }, second];
  const pool = await HsmPool.open({ tokens, stateDirectory: family.stateDirectory });
  t.teardown(() => pool.close({ drainMs: 0 }));
  t.like(pool.status().tokens[0], { name: 'a', state: 'draining', hosts: 0, description: undefined });
  t.is(pool.status().state, 'ready');
  t.is((await pool.seal(ROW)).length, 32);
  pool.resumeToken('a');
  await until(() => stateOf(pool, 'a') === 'healthy');
  t.is(pool.tokens.length, 2);
});

test.serial('a pool of which every token is out of service is not opened', async (t) => {
  const tokens = family.options.map((options) => ({ ...options, drained: true }));
  await refused(t, HsmPool.open({ tokens, stateDirectory: family.stateDirectory }), 'ServiceUnavailable');
});
