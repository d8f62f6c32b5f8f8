import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { access, chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { keyPairTemplates } from '../../src/pkcs11/key_template.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import type { HsmHost } from '../../src/pool/hsm_host.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { SELF_TEST_VECTORS } from '../../src/pool/self_test_vectors.ts';
import { firstPid, poolToken, USER_PIN } from './pool_token.ts';
import { KeyTask, SessionKey } from './session_key.ts';

const KILLS = 12;
const IN_FLIGHT = 64;

const token = await poolToken({ restartsPerMinute: 1_000 });
const pool = await HsmPool.open(token.options);
test.after.always(async () => {
  await pool.close();
  await token.remove();
});

const { key: ecKey } = SELF_TEST_VECTORS.ES256;
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

const killed = new Set<number>();

/** One that is still alive: the pool may not have heard yet of the last one's death. */
function killOne(): void {
  const victim = pool.status().hosts.find(({ pid }) => pid !== undefined && !killed.has(pid));
  if (victim?.pid === undefined) return;
  killed.add(victim.pid);
  process.kill(victim.pid, 'SIGKILL');
}

async function untilReady(): Promise<void> {
  const until = performance.now() + 10_000;
  while (pool.status().state !== 'ready' && performance.now() < until) await sleep(5);
}

test.serial('hosts killed under load: every pure operation is answered, and answered right', async (t) => {
  if (ecKey.keyType !== 'EC-HSM') return t.fail('not an EC key');
  const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', x: base64url(ecKey.x), y: base64url(ecKey.y) };
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  const key = new SessionKey(pool, ecKey);
  const gone: HsmHost[] = [];
  pool.onHostGone((host) => gone.push(host));
  let stop = false;
  let answered = 0;
  let wrong = 0;
  const failures: unknown[] = [];
  const client = async (): Promise<void> => {
    while (!stop) {
      const message = randomBytes(32);
      const input = createHash('sha256').update(message).digest();
      const request = ringRequest(RING_OPERATION.sign, { mechanism: MECHANISM.CKM_ECDSA, input, capacity: 64 });
      const task = new KeyTask(key, request);
      pool.run(task);
      try {
        const signature = await task.answer;
        if (!verify('sha256', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)) wrong++;
        answered++;
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const clients = Array.from({ length: IN_FLIGHT }, client);
  while (killed.size < KILLS) {
    await sleep(60 + Math.random() * 60);
    killOne();
  }
  while (gone.length < KILLS) await sleep(5);
  await untilReady();
  const before = answered;
  await sleep(100);
  stop = true;
  await Promise.all(clients);
  t.deepEqual(failures, []);
  t.is(wrong, 0);
  t.true(answered > before, 'it goes on after the last one');
  t.is(new Set(gone).size, KILLS);
  t.true(pool.status().ended.every(({ reason }) => reason === 'it was ended by SIGKILL'));
});

test.serial('from the death of the only host to the next signature it takes less than a second', async (t) => {
  const own = await poolToken({ hosts: 1, restartsPerMinute: 100 });
  const lonely = await HsmPool.open(own.options);
  t.teardown(async () => {
    await lonely.close();
    await own.remove();
  });
  const digest = randomBytes(32);
  await lonely.signAuditHead(digest);
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    process.kill(firstPid(lonely), 'SIGKILL');
    const started = performance.now();
    while (lonely.status().hosts.length > 0) await sleep(1);
    await lonely.signAuditHead(digest);
    times.push(performance.now() - started);
  }
  t.log(`${times.map((time) => time.toFixed(0)).join(', ')} ms`);
  t.true(Math.min(...times) < 1_000);
});

test.serial('a mutating operation that a host died of is not repeated: its outcome is unknown', async (t) => {
  await untilReady();
  const spec = { keyType: 'RSA-HSM', size: 4096, publicExponent: 65537 } as const;
  const { publicTemplate, privateTemplate } = keyPairTemplates(spec, { kind: 'session', private: true }, 'locked');
  let prepared = 0;
  const made = pool.call(
    (host) => {
      prepared++;
      const pid = pool.status().hosts.find(({ id }) => id === host.id)?.pid;
      if (pid === undefined) throw new Error('The host has no process.');
      setTimeout(() => process.kill(pid, 'SIGKILL'), 50);
      const mechanism = MECHANISM.CKM_RSA_PKCS_KEY_PAIR_GEN;
      const templates = { template: publicTemplate, template2: privateTemplate, capacity: 16 };
      return ringRequest(RING_OPERATION.generateKeyPair, { mechanism, ...templates });
    },
    { effect: 'mutating', timeoutMs: 20_000 },
  );
  await t.throwsAsync(made, { code: 'OutcomeUnknown' });
  t.is(prepared, 1);
});

test.serial('work with handles of a host fails when the host is gone, and does not go elsewhere', async (t) => {
  await untilReady();
  const [host] = pool.hosts;
  if (host === undefined) return t.fail('no host');
  killOne();
  while (host.alive) await sleep(1);
  const request = ringRequest(RING_OPERATION.random, { capacity: 8 });
  await t.throwsAsync(pool.call(request, { host }), { code: 'ServiceUnavailable' });
});

test.serial('a crash loop stops: the pool answers 503 at once, until an operator resumes it', async (t) => {
  const own = await poolToken({ hosts: 1, restartsPerMinute: 2 });
  const looping = await HsmPool.open(own.options);
  t.teardown(async () => {
    await looping.close();
    await own.remove();
  });
  let starts = 1;
  for (let death = 0; death < 3; death++) {
    process.kill(firstPid(looping), 'SIGKILL');
    while (looping.status().hosts.length > 0) await sleep(1);
    if (death < 2) {
      await looping.seal(Buffer.from('row'));
      starts++;
    }
  }
  const started = performance.now();
  const error = await t.throwsAsync(looping.seal(Buffer.from('row')), { code: 'ServiceUnavailable' });
  t.true(performance.now() - started < 5_000, 'it is refused, and not left waiting');
  t.true(((error as { retryAfterMs?: number }).retryAfterMs ?? 0) > 50_000);
  t.is(looping.status().state, 'unavailable');
  await sleep(300);
  t.is(looping.status().hosts.length, 0);
  t.is(starts, 3);
  looping.resume();
  t.is((await looping.seal(Buffer.from('row'))).length, 32);
});

for (const [what, breakIt] of Object.entries<(file: string) => Promise<void>>({
  'a PIN that cannot be read': (file) => chmod(file, 0o644),
  'a token that cannot be put in order': (file) => rm(`${file}.order`),
})) {
  test.serial(`${what} is no crash loop: the pool works again soon after it is mended`, async (t) => {
    const own = await poolToken({ hosts: 1, restartsPerMinute: 1 });
    t.teardown(() => own.remove());
    const file = join(own.directory, 'pin');
    await writeFile(file, USER_PIN, { mode: 0o600 });
    await writeFile(`${file}.order`, '');
    const beforeStart = (): Promise<void> => access(`${file}.order`);
    const away = await HsmPool.open({ ...own.options, pin: { file }, beforeStart });
    t.teardown(() => away.close());
    await breakIt(file);
    process.kill(firstPid(away), 'SIGKILL');
    // More than enough starts for a rest.
    await sleep(1_000);
    t.is(away.status().state, 'unavailable');
    await writeFile(`${file}.order`, '');
    await chmod(file, 0o600);
    t.is((await away.seal(Buffer.from('row'))).length, 32);
  });
}
