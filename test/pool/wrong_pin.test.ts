import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import type { StrongroomError } from '../../src/model/errors.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';
import { firstPid, poolToken, USER_PIN } from './pool_token.ts';

const WRONG_PIN = 'not-the-pin';

const token = await poolToken({ hosts: 1 });
test.after.always(() => token.remove());

async function innerCodeOf(options: HsmPoolOptions): Promise<string | undefined> {
  try {
    await (await HsmPool.open(options)).close();
    return undefined;
  } catch (error) {
    return (error as StrongroomError).innerCode;
  }
}

async function changePin(from: string, to: string): Promise<void> {
  const { module, environment } = token.options;
  const pins = ['--login', '--pin', from, '--new-pin', to, '--change-pin'];
  await promisify(execFile)('pkcs11-tool', ['--module', module, '--token-label', 'pool of tests', ...pins], {
    env: { ...process.env, ...environment },
  });
}

test.serial('a PIN that the token refused once is not sent again, even when it would be right by now', async (t) => {
  const wrong = { ...token.options, pin: { value: Buffer.from(WRONG_PIN) } };
  t.is(await innerCodeOf(wrong), 'PinRefused');
  await changePin(USER_PIN, WRONG_PIN);
  const error = await t.throwsAsync(HsmPool.open(wrong), {
    code: 'ServiceUnavailable',
    message: /has refused this PIN before/,
  });
  t.is(error?.cause, undefined, 'no host was started: the refusal is our own');
  await rm(join(token.options.stateDirectory, 'refused_pins'));
  t.is(await innerCodeOf(wrong), undefined, 'once an operator has removed the mark it is sent, and it is right');
  await changePin(WRONG_PIN, USER_PIN);
});

test.serial('the right PIN is admitted after a wrong one', async (t) => {
  t.is(await innerCodeOf({ ...token.options, pin: { value: Buffer.from('another wrong one') } }), 'PinRefused');
  t.is(await innerCodeOf(token.options), undefined);
});

test.serial('a pool stops starting hosts when the PIN is refused meanwhile', async (t) => {
  const pool = await HsmPool.open(token.options);
  t.teardown(() => pool.close());
  await changePin(USER_PIN, 'changed-meanwhile');
  process.kill(firstPid(pool), 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const status = pool.status();
  t.is(status.state, 'unavailable');
  t.regex(status.reason ?? '', /refused the PIN/);
  await t.throwsAsync(pool.seal(Buffer.from('row')), { code: 'ServiceUnavailable' });
  await changePin('changed-meanwhile', USER_PIN);
  await rm(join(token.options.stateDirectory, 'refused_pins'));
  pool.resume();
  t.is((await pool.seal(Buffer.from('row'))).length, 32);
});

test.serial('a token or a module that is not there is refused with its reason', async (t) => {
  t.is(await innerCodeOf({ ...token.options, token: { label: 'no such token' } }), 'TokenNotFound');
  t.is(await innerCodeOf({ ...token.options, module: '/nowhere/module.so' }), 'ProvisioningFailed');
});

test.serial('neither PIN nor mark appears in the environment or the command line of a host', async (t) => {
  const { readFile } = await import('node:fs/promises');
  const pool = await HsmPool.open(token.options);
  t.teardown(() => pool.close());
  const pid = pool.status().hosts[0]?.pid;
  for (const file of ['cmdline', 'environ']) {
    const content = await readFile(`/proc/${pid}/${file}`, 'utf8');
    t.false(content.includes(USER_PIN), file);
  }
});
