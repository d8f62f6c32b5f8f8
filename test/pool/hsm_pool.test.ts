import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import test from 'ava';
import { ALGORITHMS } from '../../src/model/algorithm.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { PARAMETER_KIND, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { kekTemplate } from '../../src/pkcs11/pool_key_template.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { SELF_TEST_VECTORS } from '../../src/pool/self_test_vectors.ts';
import { bareToken, poolToken } from './pool_token.ts';
import { KeyTask, SessionKey } from './session_key.ts';

const token = await poolToken();
const pool = await HsmPool.open(token.options);
test.after.always(async () => {
  await pool.close();
  await token.remove();
});

const { key: ecKey } = SELF_TEST_VECTORS.ES256;
const { key: aesKey } = SELF_TEST_VECTORS.A256CBC;
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

function p256(point: { x: Uint8Array; y: Uint8Array }) {
  return createPublicKey({
    key: { kty: 'EC', crv: 'P-256', x: base64url(point.x), y: base64url(point.y) },
    format: 'jwk',
  });
}

test.serial('a pool opens all hosts of its profile and says so', (t) => {
  const status = pool.status();
  t.like(status, { state: 'ready', waiting: 0, reason: undefined });
  t.is(status.tokens.length, 1);
  t.like(status.tokens[0], { name: 'pool of tests', state: 'healthy', profile: 'softhsm', hosts: 2, inFlight: 0 });
  const description = { label: 'pool of tests', manufacturer: 'SoftHSM project', model: 'SoftHSM v2' };
  t.like(status.tokens[0]?.description, description);
  t.is(status.hosts.length, 2);
  t.is(new Set(status.hosts.map(({ pid }) => pid)).size, 2, 'each in a process of its own');
  t.is(pool.capacity, 2 * LIMITS.operationsInRingPerLane);
});

test.serial('the mechanisms of the token decide how each algorithm is done', (t) => {
  t.true(pool.firstToken.mechanisms.has(MECHANISM.CKM_ECDSA));
  t.is(pool.realisation('ES256')?.way, 'direct');
  t.is(pool.realisation('RSA-OAEP')?.way, 'direct');
  t.is(pool.realisation('RSA-OAEP-256')?.way, 'oaepInHost', 'SoftHSM has OAEP with SHA-1 alone');
  t.is(pool.realisation('A256KW')?.way, 'wrapObject', 'SoftHSM wraps objects alone');
  t.deepEqual(
    [...ALGORITHMS.keys()].filter((name) => pool.realisation(name) === undefined),
    [],
  );
});

test.serial('a seal verifies over the same bytes and no others', async (t) => {
  const row = randomBytes(300);
  const seal = await pool.seal(row);
  t.is(seal.length, 32);
  t.true(await pool.verifySeal(row, seal));
  const other = Buffer.from(row);
  other[299] = (other[299] as number) ^ 1;
  t.false(await pool.verifySeal(other, seal));
  t.false(await pool.verifySeal(row, seal.subarray(1)));
  t.false(await pool.verifySeal(row, new Uint8Array(0)));
});

test.serial('what is longer than a ring carries is sealed as well, to the last byte', async (t) => {
  for (const bytes of [64 * 1024, 64 * 1024 + 1, 5_000_000]) {
    const row = randomBytes(bytes);
    const seal = await pool.seal(row);
    t.is(seal.length, 32);
    t.true(await pool.verifySeal(row, seal));
    for (const at of [0, bytes >> 1, bytes - 1]) {
      const other = Buffer.from(row);
      other[at] = (other[at] as number) ^ 1;
      t.false(await pool.verifySeal(other, seal));
    }
    t.false(await pool.verifySeal(row.subarray(1), seal));
    t.false(await pool.verifySeal(createHash('sha256').update(row).digest(), seal));
  }
});

test.serial('the head of the audit log is signed by a key whose public half the token gives', async (t) => {
  const head = randomBytes(100);
  const signature = await pool.signAuditHead(createHash('sha256').update(head).digest());
  const publicKey = await pool.auditPublicKey();
  t.true(verify('sha256', head, { key: p256(publicKey), dsaEncoding: 'ieee-p1363' }, signature));
});

test.serial('attestations are signed by another key than the head of the audit log', async (t) => {
  const statement = randomBytes(100);
  const signature = await pool.signAttestation(createHash('sha256').update(statement).digest());
  const publicKey = await pool.attestationPublicKey();
  const isBy = (key: typeof publicKey): boolean =>
    verify('sha256', statement, { key: p256(key), dsaEncoding: 'ieee-p1363' }, signature);
  t.true(isBy(publicKey));
  t.false(isBy(await pool.auditPublicKey()));
});

test.serial('a thousand signatures in flight are all right, and every host has its share', async (t) => {
  const key = new SessionKey(pool, ecKey);
  if (ecKey.keyType !== 'EC-HSM') return t.fail('not an EC key');
  const publicKey = p256(ecKey);
  const messages = Array.from({ length: 1_000 }, () => randomBytes(40));
  const tasks = messages.map((message) => {
    const input = createHash('sha256').update(message).digest();
    return new KeyTask(
      key,
      ringRequest(RING_OPERATION.sign, { mechanism: MECHANISM.CKM_ECDSA, input, capacity: 64 }),
      60_000,
    );
  });
  for (const task of tasks) pool.run(task);
  const signatures = await Promise.all(tasks.map((task) => task.answer));
  const valid = signatures.filter((signature, index) =>
    verify('sha256', messages[index] as Buffer, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature),
  );
  t.is(valid.length, 1_000);
  t.true(
    pool.hosts.every((host) => key.isIn(host)),
    'no host was idle',
  );
  t.true(
    tasks.every((task) => task.open === 0),
    'what was prepared was released',
  );
  t.true(pool.hosts.every((host) => host.inFlight === 0));
});

test.serial('values of 60 KiB go through the token and back', async (t) => {
  const key = new SessionKey(pool, aesKey);
  const iv = randomBytes(16);
  const mechanism = MECHANISM.CKM_AES_CBC;
  const parameter = { mechanism, parameterKind: PARAMETER_KIND.raw, parameter: iv } as const;
  const plaintext = randomBytes(LIMITS.operationInputBytes);
  const capacity = plaintext.length + 16;
  const trips = Array.from({ length: 40 }, async () => {
    const encrypted = new KeyTask(
      key,
      ringRequest(RING_OPERATION.encrypt, { ...parameter, input: plaintext, capacity }),
    );
    pool.run(encrypted);
    const input = await encrypted.answer;
    const decrypted = new KeyTask(key, ringRequest(RING_OPERATION.decrypt, { ...parameter, input, capacity }));
    pool.run(decrypted);
    return Buffer.compare(await decrypted.answer, plaintext) === 0;
  });
  t.deepEqual(new Set(await Promise.all(trips)), new Set([true]));
});

test.serial('room is announced after answers came', async (t) => {
  let announced = 0;
  pool.onRoom(() => announced++);
  await pool.seal(Buffer.from('row'));
  await new Promise((resolve) => setImmediate(resolve));
  t.true(announced > 0);
  t.is(pool.room, pool.capacity);
});

test.serial('a failure of the token is an error by code, without internals in its message', async (t) => {
  const [host] = pool.hosts;
  if (host === undefined) return t.fail('no host');
  const object = host.poolKeys.seal;
  const unknownMechanism = ringRequest(RING_OPERATION.sign, { mechanism: 0x1234, object, capacity: 64 });
  const error = await t.throwsAsync(pool.call(unknownMechanism, { host }), {
    instanceOf: StrongroomError,
    code: 'NotSupported',
  });
  t.notRegex(error?.message ?? '', /CKR|C_Sign/);
  t.regex(((error as StrongroomError).cause as Error).message, /^C_SignInit returned CKR_MECHANISM_INVALID$/);
  t.is(pool.status().state, 'ready');
});

test.serial('objects of the token are made one at a time', async (t) => {
  let running = 0;
  let most = 0;
  const call = (): Promise<unknown> =>
    pool.call(
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running--;
        return ringRequest(RING_OPERATION.random, { capacity: 16 });
      },
      { effect: 'mutating' },
    );
  await Promise.all(Array.from({ length: 5 }, call));
  t.is(most, 1);
});

test.serial('a pool that is closed finishes what it has and takes no more', async (t) => {
  const own = await poolToken({ hosts: 1 });
  t.teardown(own.remove);
  const closing = await HsmPool.open(own.options);
  const underWay = Promise.all(Array.from({ length: 20 }, () => closing.seal(Buffer.from('row'))));
  const closed = closing.close();
  await t.throwsAsync(closing.seal(Buffer.from('row')), { code: 'ServiceUnavailable' });
  t.is((await underWay).length, 20);
  await closed;
  t.is(closing.status().state, 'closed');
  t.deepEqual(closing.status().hosts, []);
});

test.serial('pool keys that are missing are made on request only', async (t) => {
  const bare = await bareToken({ hosts: 1 });
  t.teardown(bare.remove);
  const error = await t.throwsAsync(HsmPool.open(bare.options), { code: 'ServiceUnavailable' });
  t.is((error as StrongroomError).innerCode, 'PoolKeysMissing');
  for (const poolKeys of ['create', 'require'] as const) {
    const opened = await HsmPool.open({ ...bare.options, poolKeys });
    t.is((await opened.seal(Buffer.from('row'))).length, 32);
    await opened.close();
  }
});

test.serial('a pool key that is there twice is refused', async (t) => {
  const own = await poolToken({ hosts: 1 });
  t.teardown(own.remove);
  const opened = await HsmPool.open(own.options);
  const request = { mechanism: MECHANISM.CKM_AES_KEY_GEN, template: kekTemplate(), capacity: 8 };
  await opened.call(ringRequest(RING_OPERATION.generateKey, request), { effect: 'mutating' });
  await opened.close();
  const error = await t.throwsAsync(HsmPool.open(own.options), { code: 'ServiceUnavailable' });
  t.is((error as StrongroomError).innerCode, 'PoolKeysAmbiguous');
});

test.serial('a host whose memory has grown too much is replaced, and no operation fails of it', async (t) => {
  // Less than no growth at all: the second look is one too many.
  const own = await poolToken({ hosts: 1, hostGrowthBytes: -1, stuckLaneMs: 400 });
  t.teardown(own.remove);
  const leaking = await HsmPool.open(own.options);
  const first = leaking.status().hosts[0]?.pid;
  const until = performance.now() + 10_000;
  let seals = 0;
  while (leaking.status().ended.length === 0 && performance.now() < until) {
    const sealed = await Promise.all(
      Array.from({ length: 20 }, (_, row) => leaking.seal(randomBytes(1_000 * (row + 1)))),
    );
    seals += sealed.length;
  }
  t.is((await leaking.seal(Buffer.from('row'))).length, 32);
  t.true(seals > 0);
  t.not(leaking.status().hosts[0]?.pid, first);
  t.like(leaking.status().ended[0], { expected: true });
  t.regex(leaking.status().ended[0]?.reason ?? '', /^its memory grew/);
  await leaking.close();
});
