import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { StrongroomError } from '../../src/model/errors.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { sealRequest } from '../../src/pool/pool_keys.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';
import { poolToken } from '../pool/pool_token.ts';
import { readCallLog } from './call_log.ts';
import { FAULT_MODULE, FaultRules } from './fault_module.ts';

const ROW = Buffer.from('row');
const SEAL_BYTES = 32;

interface Faulty {
  readonly options: HsmPoolOptions;
  readonly rules: FaultRules;
  open(): Promise<HsmPool>;
}

async function faulty(t: ExecutionContext, overrides: Partial<HsmPoolOptions> = {}): Promise<Faulty> {
  const token = await poolToken({ hosts: 1, restartsPerMinute: 1_000, ...overrides });
  t.teardown(() => token.remove());
  const rules = new FaultRules(token.directory);
  const environment = { ...token.options.environment, ...rules.environment };
  const options = { ...token.options, module: FAULT_MODULE, environment };
  const open = async (): Promise<HsmPool> => {
    const pool = await HsmPool.open(options);
    t.teardown(() => pool.close({ drainMs: 0 }));
    return pool;
  };
  return { options, rules, open };
}

/** Bits in which they differ. */
function distance(one: Uint8Array, other: Uint8Array): number {
  const ones = (byte: number): number => byte.toString(2).replaceAll('0', '').length;
  return one.reduce((sum, byte, index) => sum + ones(byte ^ (other[index] ?? 0)), 0);
}

/** As it comes from the token: what `HsmPool.seal` gives has been verified. */
async function seal(pool: HsmPool): Promise<Uint8Array> {
  return (await pool.call((host) => sealRequest(host, ROW))).answer;
}

test.serial(
  'an output has the bit flipped that is named, or one by chance, or is cut short, or is another',
  async (t) => {
    const { rules, open } = await faulty(t);
    const pool = await open();
    const right = await seal(pool);
    await rules.set('C_Sign * flip 9');
    const flipped = await seal(pool);
    t.is(distance(flipped, right), 1);
    t.is((flipped[1] as number) ^ (right[1] as number), 2);
    await rules.set('seed 1', 'C_Sign * flip ?');
    const chosen = [await seal(pool), await seal(pool), await seal(pool), await seal(pool)];
    t.true(chosen.every((seal) => distance(seal, right) === 1));
    t.true(new Set(chosen.map((seal) => Buffer.from(seal).toString('hex'))).size > 1);
    await rules.set('C_Sign * truncate 3');
    t.is((await seal(pool)).length, SEAL_BYTES - 3);
    await rules.set('C_Sign * garble');
    const garbled = await seal(pool);
    t.is(garbled.length, SEAL_BYTES);
    t.true(distance(garbled, right) > 60);
    await rules.clear();
    t.deepEqual(await seal(pool), right);
  },
);

test.serial('a probability is met as often as it says, and a seed repeats it', async (t) => {
  const pattern = async (seed: number): Promise<string> => {
    const { rules, open } = await faulty(t, { lanesPerHost: 1 });
    const pool = await open();
    const right = await seal(pool);
    await rules.set(`seed ${seed}`, 'C_Sign p=0.3 flip 0');
    let met = '';
    for (let count = 0; count < 100; count++) met += distance(await seal(pool), right);
    return met;
  };
  const [one, again, other] = [await pattern(7), await pattern(7), await pattern(8)];
  for (const met of [one, other]) t.true(/^(?=(?:0*1){10})(?=(?:1*0){40})/.test(met), met);
  t.is(one, again);
  t.not(one, other);
});

test.serial('a segmentation fault, lost sessions and a logout are met by the pool, which serves on', async (t) => {
  const { rules, open } = await faulty(t);
  const pool = await open();
  const right = await pool.seal(ROW);
  for (const action of ['segfault', 'drop', 'logout', 'after segfault']) {
    await rules.set(`C_SignInit 1 ${action} once`);
    t.deepEqual(await pool.seal(ROW), right, action);
  }
  t.true(pool.status().ended.some(({ reason }) => reason.includes('SIGSEGV')));
});

test.serial('a token that is pulled out is away until its time is over, or until it is put in again', async (t) => {
  const { rules, open } = await faulty(t);
  const pool = await open();
  const right = await pool.seal(ROW);
  await rules.set('C_SignInit 1 remove 300 once');
  const started = performance.now();
  t.deepEqual(await pool.seal(ROW), right, 'it waits for the token within its deadline');
  t.true(performance.now() - started >= 299);
  await rules.set('absent');
  const sealed = pool.seal(ROW);
  while (pool.status().state !== 'unavailable') await sleep(5);
  await rules.clear();
  pool.resume();
  t.deepEqual(await sealed, right);
});

test.serial(
  'a PIN counter locks the token after so many wrong PINs, and the right one before that sets it back',
  async (t) => {
    const { options, rules, open } = await faulty(t);
    await rules.set('pin 3', 'log');
    const innerCodeWith = async (pin: string): Promise<string | undefined> => {
      const stateDirectory = join(options.stateDirectory, pin);
      const attempt = HsmPool.open({ ...options, stateDirectory, pin: { value: Buffer.from(pin) } });
      return ((await t.throwsAsync(attempt, { code: 'ServiceUnavailable' })) as StrongroomError).innerCode;
    };
    t.is(await innerCodeWith('wrong-1'), 'PinRefused');
    await (await open()).close();
    t.is(await innerCodeWith('wrong-2'), 'PinRefused');
    t.is(await innerCodeWith('wrong-3'), 'PinRefused');
    t.is(await innerCodeWith('wrong-4'), 'PinLocked', 'the last try is not risked');
    const { logins, violations } = await readCallLog(`${rules.path}.log`);
    t.deepEqual(
      [...logins],
      [
        [RETURN_VALUE.CKR_PIN_INCORRECT, 3],
        [RETURN_VALUE.CKR_OK, 1],
      ],
    );
    t.deepEqual(violations, []);
  },
);

test.serial('the log of a pool under faults has every call, and nothing in it that no caller may do', async (t) => {
  const { rules, open } = await faulty(t, { hosts: 2 });
  await rules.set(
    'log',
    'seed 3',
    'C_FindObjects p=0.2 return 5',
    'C_Sign p=0.05 return 0x30',
    'C_SignInit p=0.02 segfault',
  );
  const pool = await open().catch(async () => {
    await sleep(10);
    return open();
  });
  const seals = await Promise.allSettled(Array.from({ length: 300 }, () => seal(pool)));
  t.true(seals.some(({ status }) => status === 'fulfilled'));
  await pool.close();
  const { calls, violations } = await readCallLog(`${rules.path}.log`);
  t.true(calls > 600, `${calls}`);
  t.deepEqual(violations, []);
});

test.serial('the reader of the log finds what no caller may do', async (t) => {
  const { options } = await faulty(t);
  const path = join(options.stateDirectory, '..', 'made.log');
  const found = async (...lines: readonly string[]): Promise<readonly string[]> => {
    await writeFile(path, lines.map((line) => `${line}\n`).join(''));
    return (await readCallLog(path)).violations;
  };
  t.deepEqual(await found('b 1 10 5 C_Sign 0', 'b 1 11 6 C_Sign 0', 'e 1 11 6 C_Sign 0', 'e 1 10 5 C_Sign 0'), []);
  t.regex((await found('b 1 10 5 C_Sign 0', 'b 1 11 5 C_SignInit 0')).join(), /while C_Sign was at work/);
  t.deepEqual(await found('b 1 10 5 C_Sign 0', 'b 2 11 5 C_SignInit 0'), [], 'sessions of two instances');
  const search = [
    'b 1 10 5 C_FindObjectsInit 0',
    'e 1 10 5 C_FindObjectsInit 0',
    'b 1 10 5 C_FindObjects 0',
    'e 1 10 5 C_FindObjects 5',
  ];
  t.regex((await found(...search, 'b 1 10 5 C_SignInit 0')).join(), /during a search/);
  t.deepEqual(
    await found(...search, 'b 1 10 5 C_FindObjectsFinal 0', 'e 1 10 5 C_FindObjectsFinal 0', 'b 1 10 5 C_Sign 0'),
    [],
  );
  t.regex((await found('b 1 10 5 C_Logout 0')).join(), /^C_Logout/);
  const refused = ['b 1 10 5 C_Login 77', `e 1 10 5 C_Login ${RETURN_VALUE.CKR_PIN_INCORRECT}`];
  t.regex((await found(...refused, 'b 2 20 6 C_Login 77')).join(), /a PIN that was refused/);
  t.deepEqual(await found(...refused, 'b 2 20 6 C_Login 78'), []);
});
