import { randomBytes } from 'node:crypto';
import test from 'ava';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { unwrapTemplate } from '../../src/pkcs11/key_template.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { FAULT_MODULE, FaultRules } from '../shim/fault_module.ts';
import { poolToken } from './pool_token.ts';

const ROW = Buffer.from('row');
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test.serial('lanes as threads do the same, each host on a copy of the library of its own', async (t) => {
  const token = await poolToken({ isolation: 'thread' });
  t.teardown(() => token.remove());
  const pool = await HsmPool.open(token.options);
  t.like(pool.status(), { state: 'ready' });
  t.deepEqual(
    pool.status().hosts.map(({ isolation, pid }) => [isolation, pid]),
    [
      ['thread', undefined],
      ['thread', undefined],
    ],
  );
  const seals = await Promise.all(Array.from({ length: 500 }, () => pool.seal(ROW)));
  t.is(new Set(seals.map((seal) => Buffer.from(seal).toString('hex'))).size, 1);
  t.is((await pool.signAuditHead(randomBytes(32))).length, 64);
  await pool.close();
  t.deepEqual(pool.status().hosts, []);
});

test.serial('a thread that hangs is reported as stuck, and only its own operation is given up', async (t) => {
  const token = await poolToken({ isolation: 'thread', hosts: 1, lanesPerHost: 2, stuckLaneMs: 300 });
  t.teardown(() => token.remove());
  const rules = new FaultRules(token.directory);
  const environment = { ...token.options.environment, ...rules.environment };
  const pool = await HsmPool.open({ ...token.options, module: FAULT_MODULE, environment });
  await pool.seal(ROW);
  await rules.set('C_Sign 1 hang once');
  t.is((await pool.seal(ROW)).length, 32, 'it was done again on the lane that is left');
  t.is(pool.status().hosts[0]?.stuckLanes, 1);
  t.is(pool.status().hosts.length, 1);
  await rules.set('C_Sign 1 hang once');
  const last = pool.seal(ROW);
  await sleep(600);
  t.regex(pool.status().ended[0]?.reason ?? '', /^2 of 2 lanes stuck/);
  t.is((await last).length, 32, 'another instance has taken the place of the first');
  await pool.close({ drainMs: 0 });
});

test.serial('an instance among threads that is not usable any more is replaced under load', async (t) => {
  const token = await poolToken({ isolation: 'thread', hosts: 1, restartsPerMinute: 100 });
  t.teardown(() => token.remove());
  const pool = await HsmPool.open(token.options);
  const seals = Array.from({ length: 100 }, () => pool.seal(ROW));
  // A KEK that the instance does not know means that its objects are gone: the engine named it, and the engine does not err.
  const unknownKek = ringRequest(RING_OPERATION.unwrap, {
    mechanism: MECHANISM.CKM_AES_KEY_WRAP_PAD,
    object: 1_000_000,
    input: new Uint8Array(24),
    template: unwrapTemplate('oct-HSM', 'secret', { kind: 'session', private: true }),
    capacity: 8,
  });
  await t.throwsAsync(pool.call(unknownKek), { code: 'ServiceUnavailable' });
  t.is(new Set((await Promise.all(seals)).map((seal) => Buffer.from(seal).toString('hex'))).size, 1);
  t.regex(pool.status().ended[0]?.reason ?? '', /CKR_UNWRAPPING_KEY_HANDLE_INVALID/);
  t.is((await pool.seal(ROW)).length, 32);
  await pool.close();
});
