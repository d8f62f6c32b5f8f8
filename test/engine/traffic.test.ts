import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { BatchItem, SignResult } from '../../src/engine/requests.ts';
import type { StrongroomError } from '../../src/model/errors.ts';
import type { KeySpec } from '../../src/model/key.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { KEY_TYPE, OBJECT_CLASS } from '../../src/pkcs11/template.ts';
import type { RingHost } from '../../src/pool/ring_host.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';
import { countObjects, findObjects } from '../fixtures/token_inventory.ts';

let token: TestToken;

test.before(async () => {
  token = await openTestToken();
});

test.after.always(() => token.close());

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const DIGEST = randomBytes(32);

/** Other work on the machine must not decide how a test ends. */
const PATIENT = { timeoutMs: 60_000 };

/** What was given up in the HSM still has to come back from there. */
async function becomesIdle(engine: KeyEngine): Promise<boolean> {
  for (let waits = 0; waits < 1_000 && engine.status().admitted > 0; waits++) await pause(10);
  return engine.status().admitted === 0;
}

const signing = (name: string): BatchItem => ({
  operation: 'sign',
  key: { name },
  algorithm: 'ES256',
  digest: DIGEST,
  ...PATIENT,
});

test.serial(
  'who waits in line when the only token fails a self-test is told so, and not left to his deadline',
  async (t) => {
    const { engine, pool, close } = await token.openEngine();
    await engine.createKey({ name: 'waited-for', spec: P256 });
    const sign = () => engine.sign({ key: { name: 'waited-for' }, algorithm: 'ES256', digest: DIGEST, ...PATIENT });
    await sign();
    const flood = Promise.allSettled(Array.from({ length: 2_000 }, sign));
    await pause(1);
    t.true(engine.status().waiting > 0);
    pool.tokens[0]?.group.declareUnfit('for the test');
    const codes = (await flood).map((each) => (each.status === 'fulfilled' ? 'done' : each.reason.code));
    t.deepEqual(
      codes.filter((code) => code !== 'done' && code !== 'SelfTestFailed'),
      [],
    );
    t.true(codes.includes('SelfTestFailed'));
    await refused(t, sign(), 'SelfTestFailed');
    await close();
  },
);

test.serial('a flood on one key does not starve another', async (t) => {
  const { engine, close } = await token.openEngine();
  for (const name of ['flooded', 'quiet'])
    await engine.createKey({ name, spec: { keyType: 'EC-HSM', curve: 'P-384' } });
  const digest = randomBytes(48);
  const sign = (name: string) => engine.sign({ key: { name }, algorithm: 'ES384', digest, ...PATIENT });
  await Promise.all([sign('flooded'), sign('quiet')]);
  const started = performance.now();
  const flood = Promise.all(Array.from({ length: 4_000 }, () => sign('flooded')));
  for (let index = 0; index < 3; index++) await sign('quiet');
  const quietMs = performance.now() - started;
  await flood;
  const floodMs = performance.now() - started;
  t.log(`three on the quiet key after ${Math.round(quietMs)} ms, the flood after ${Math.round(floodMs)} ms`);
  t.true(quietMs < floodMs / 2);
  t.true(await becomesIdle(engine));
  await close();
});

test.serial('one operation more than the bound is refused at once, and the others are answered', async (t) => {
  const { engine, close } = await token.openEngine({ limits: { operationsAdmitted: 300 } });
  await engine.createKey({ name: 'bounded', spec: P256 });
  const requests = Array.from({ length: 400 }, () =>
    engine.sign({ key: { name: 'bounded' }, algorithm: 'ES256', digest: DIGEST, ...PATIENT }),
  );
  const results = await Promise.allSettled(requests);
  const failed = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as StrongroomError] : []));
  t.is(results.length - failed.length, 300);
  for (const error of failed) {
    t.is(error.code, 'Throttled');
    t.true((error.retryAfterMs ?? 0) > 0);
  }
  await t.notThrowsAsync(engine.sign({ key: { name: 'bounded' }, algorithm: 'ES256', digest: DIGEST, ...PATIENT }));
  await close();
});

test.serial('an operation whose time has passed while others are at work is given up, and not done late', async (t) => {
  const { engine, close } = await token.openEngine({ pool: { hosts: 1 } });
  await engine.createKey({ name: 'slow', spec: { keyType: 'RSA-HSM', size: 3072, publicExponent: 65_537 } });
  const sign = (timeoutMs: number) =>
    engine.sign({ key: { name: 'slow' }, algorithm: 'RS256', digest: DIGEST, timeoutMs });
  await sign(60_000);
  const patient = Array.from({ length: 200 }, () => sign(60_000));
  const hasty = Array.from({ length: 100 }, () => refused(t, sign(20), 'Timeout'));
  const started = performance.now();
  await Promise.all(hasty);
  const hastyMs = performance.now() - started;
  await Promise.all(patient);
  t.true(hastyMs < performance.now() - started, `given up after ${hastyMs} ms`);
  t.true(await becomesIdle(engine));
  await close();
});

test.serial('an abort is answered at once', async (t) => {
  const { engine, close } = await token.openEngine();
  await engine.createKey({ name: 'aborted', spec: P256 });
  const key = { name: 'aborted' };
  const controller = new AbortController();
  const { signal } = controller;
  const requests = Array.from({ length: 500 }, () =>
    engine.sign({ key, algorithm: 'ES256', digest: DIGEST, signal, ...PATIENT }),
  );
  const others = Array.from({ length: 10 }, () => engine.sign({ key, algorithm: 'ES256', digest: DIGEST, ...PATIENT }));
  controller.abort();
  await Promise.all(requests.map((request) => refused(t, request, 'Aborted')));
  await Promise.all(others);
  await refused(t, engine.sign({ key, algorithm: 'ES256', digest: DIGEST, signal, ...PATIENT }), 'Aborted');
  t.true(await becomesIdle(engine));
  await close();
});

test.serial('a batch is answered item by item, in its order', async (t) => {
  const { engine, close } = await token.openEngine();
  await engine.createKey({ name: 'batch-ec', spec: P256 });
  await engine.createKey({ name: 'batch-oct', spec: OCT });
  const sealed = await engine.encrypt({ key: { name: 'batch-oct' }, algorithm: 'A256GCM', plaintext: DIGEST });
  const results = await engine.batch([
    signing('batch-ec'),
    signing('nowhere'),
    { operation: 'encrypt', key: { name: 'batch-oct' }, algorithm: 'A256GCM', plaintext: DIGEST },
    { operation: 'decrypt', key: { name: 'batch-oct' }, algorithm: 'A256GCM', ...sealed, tag: randomBytes(16) },
    { operation: 'wrapKey', key: { name: 'batch-oct' }, algorithm: 'A256KW', value: DIGEST },
    { operation: 'sign', key: { name: 'batch-ec' }, algorithm: 'ES256', digest: new Uint8Array(5) },
    { operation: 'release' } as unknown as BatchItem,
  ]);
  t.deepEqual(
    results.map((result) => (result.ok ? 'ok' : (result.error as StrongroomError).code)),
    ['ok', 'KeyNotFound', 'ok', 'DecryptionFailed', 'ok', 'BadParameter', 'BadParameter'],
  );
  const [first] = results;
  const { signature } = (first?.ok ? first.result : {}) as SignResult;
  t.true((await engine.verify({ key: { name: 'batch-ec' }, algorithm: 'ES256', digest: DIGEST, signature })).valid);
  t.deepEqual(await engine.batch([]), []);
  await refused(
    t,
    engine.batch(new Array<BatchItem>(LIMITS.operationsPerBatch + 1).fill(signing('batch-ec'))),
    'BadParameter',
  );
  const large = await engine.batch(Array.from({ length: LIMITS.operationsPerBatch }, () => signing('batch-ec')));
  t.true(large.every(({ ok }) => ok));
  await close();
});

test.serial('an instance that dies takes its handles along, and its operations are done elsewhere', async (t) => {
  const { engine, pool, close } = await token.openEngine();
  const names = Array.from({ length: 20 }, (_, index) => `survivor-${index}`);
  for (const name of names) await engine.createKey({ name, spec: P256 });
  const sign = (name: string) => engine.sign({ key: { name }, algorithm: 'ES256', digest: DIGEST, ...PATIENT });
  await Promise.all(names.map(sign));
  for (let round = 0; round < 3; round++) {
    const requests = Array.from({ length: 600 }, (_, index) => sign(names[index % names.length] as string));
    (pool.hosts[0] as RingHost).kill('a test');
    const results = await Promise.all(requests);
    for (const { name, signature } of results.slice(0, 20)) {
      t.true((await engine.verify({ key: { name }, algorithm: 'ES256', digest: DIGEST, signature })).valid);
    }
  }
  t.true(await becomesIdle(engine));
  await close();
});

test.serial('a key is brought to an instance once, however many ask for it', async (t) => {
  const { engine, close } = await token.openEngine({ pool: { hosts: 1 } });
  await engine.createKey({ name: 'single', spec: P256 });
  const key = { name: 'single' };
  await Promise.all(
    Array.from({ length: 200 }, () => engine.sign({ key, algorithm: 'ES256', digest: DIGEST, ...PATIENT })),
  );
  t.is(engine.status().custody.brought, 1);
  await close();
});

test.serial('a close waits for what is under way', async (t) => {
  const { engine, pool, store } = await token.openEngine();
  await engine.createKey({ name: 'closing', spec: P256 });
  const key = { name: 'closing' };
  const requests = Array.from({ length: 300 }, () =>
    engine.sign({ key, algorithm: 'ES256', digest: DIGEST, ...PATIENT }),
  );
  await engine.close();
  t.is((await Promise.all(requests)).length, 300);
  await refused(t, engine.sign({ key, algorithm: 'ES256', digest: DIGEST, ...PATIENT }), 'ServiceUnavailable');
  // Pool and store are their opener's.
  t.is(pool.status().state, 'ready');
  t.truthy(await store.findKeyVersion('closing', undefined));
});

test.serial('version caches are bounded, and what was forgotten is read again', async (t) => {
  const { engine, close } = await token.openEngine({ limits: { keyVersionsCached: 5 } });
  const names = Array.from({ length: 12 }, (_, index) => `cached-${index}`);
  for (const name of names) await engine.createKey({ name, spec: OCT });
  for (let round = 0; round < 2; round++) {
    const results = await Promise.all(
      names.map((name) => engine.encrypt({ key: { name }, algorithm: 'A256GCM', plaintext: DIGEST })),
    );
    t.deepEqual(
      results.map(({ name }) => name),
      names,
    );
    t.true(engine.status().keyVersionsCached <= 5);
  }
  await close();
});

test.serial(
  'a handle that an instance does not know any more is replaced, and the caller notices nothing',
  async (t) => {
    const { engine, pool, close } = await token.openEngine();
    await engine.createKey({ name: 'stale', spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } });
    const key = { name: 'stale' };
    const signAll = () =>
      Promise.all(
        Array.from({ length: 40 }, () => engine.sign({ key, algorithm: 'RS256', digest: DIGEST, ...PATIENT })),
      );
    await signAll();
    const held = { CKA_TOKEN: false, CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_RSA };
    for (const host of pool.hosts) {
      for (const object of await findObjects(pool, held, host)) {
        await pool.call(ringRequest(RING_OPERATION.destroy, { object }), { host, effect: 'mutating' });
      }
    }
    const results = await signAll();
    const [first] = results;
    t.true(results.every(({ signature }) => Buffer.compare(signature, first?.signature ?? signature) === 0));
    t.is(pool.status().state, 'ready');
    await close();
  },
);

test.serial('a closed engine leaves none of its objects in the instances', async (t) => {
  const { engine, pool } = await token.openEngine();
  const before = await countObjects(pool, { CKA_TOKEN: false });
  await engine.createKey({ name: 'left', spec: P256 });
  await Promise.all(
    Array.from({ length: 50 }, () =>
      engine.sign({ key: { name: 'left' }, algorithm: 'ES256', digest: DIGEST, ...PATIENT }),
    ),
  );
  t.notDeepEqual(await countObjects(pool, { CKA_TOKEN: false }), before);
  await engine.close();
  t.deepEqual(await countObjects(pool, { CKA_TOKEN: false }), before);
});

test.serial('times and limits that are none are refused', async (t) => {
  const { engine, pool, store, close } = await token.openEngine();
  await engine.createKey({ name: 'times', spec: P256 });
  for (const timeoutMs of [0, -1, Number.NaN]) {
    const sign = engine.sign({ key: { name: 'times' }, algorithm: 'ES256', digest: DIGEST, timeoutMs });
    await refused(t, sign, 'BadParameter');
  }
  for (const operationsAdmitted of [0, 1.5, Number.NaN]) {
    await t.throwsAsync(KeyEngine.open({ pool, store, limits: { operationsAdmitted } }), { instanceOf: TypeError });
  }
  await close();
});
