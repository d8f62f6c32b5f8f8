import { createHash } from 'node:crypto';
import test from 'ava';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import type { KeySpec } from '../../src/model/key.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import type { HsmHost } from '../../src/pool/hsm_host.ts';
import type { HsmPoolOptions } from '../../src/pool/pool_options.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine } from '../fixtures/softhsm_token.ts';

/*
 * A real token, between which and the engine a bit of a signature falls over, as it does in the memory of an instance that has gone wrong.
 */

const token = await openTestToken();
test.after.always(() => token.close());

const digest = createHash('sha256').update('message').digest();
const SIGNED_WITH: readonly AlgorithmName[] = ['RS256', 'PS256', 'ES256'];
const RSA: KeySpec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 };
const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };

/** From now on signatures of this instance have a wrong bit. Answers how many it gave. */
function corrupt(host: HsmHost): () => number {
  let wrong = 0;
  const submit = host.submit.bind(host);
  host.submit = (request, settle) =>
    submit(request, (completion) => {
      if (request.operation === RING_OPERATION.sign && completion.answer.length > 0) {
        wrong += 1;
        completion.answer[7] = (completion.answer[7] as number) ^ 0x10;
      }
      settle(completion);
    });
  return () => wrong;
}

const sum = (counts: readonly (() => number)[]): number => counts.reduce((all, count) => all + count(), 0);

async function openEngine(pool: Partial<HsmPoolOptions> = {}): Promise<TestEngine> {
  const opened = await token.openEngine({ pool: { hosts: 2, restartsPerMinute: 1_000, ...pool } });
  // What is wrong from the beginning does not pass the self-test. Here it goes wrong later.
  for (const host of opened.pool.hosts)
    for (const algorithm of SIGNED_WITH) await opened.pool.selfTest.ensure(algorithm, host);
  return opened;
}

const lies = ({ pool }: TestEngine): number =>
  pool.status().ended.filter(({ reason }) => reason === 'it gave a wrong signature').length;

async function signedRight(opened: TestEngine, name: string, algorithm: AlgorithmName): Promise<boolean> {
  const { signature } = await opened.engine.sign({ key: { name }, algorithm, digest });
  return (await opened.engine.verify({ key: { name }, algorithm, digest, signature })).valid;
}

for (const signatureChecks of ['always', 'off'] as const) {
  test.serial(
    `no wrong RSA signature leaves the engine with the policy ${signatureChecks}, and the instance goes`,
    async (t) => {
      const opened = await openEngine({ signatureChecks });
      await opened.engine.createKey({ name: `rsa-${signatureChecks}`, spec: RSA });
      const wrong = corrupt(opened.pool.hosts[0] as HsmHost);
      const attempts = Array.from({ length: 24 }, (_, index) =>
        signedRight(opened, `rsa-${signatureChecks}`, index % 2 === 0 ? 'RS256' : 'PS256'),
      );
      t.true((await Promise.all(attempts)).every(Boolean));
      t.true(wrong() > 0);
      t.is(lies(opened), 1);
      await opened.close();
    },
  );
}

test.serial('no wrong ECDSA signature leaves an engine that verifies always, and each is made again', async (t) => {
  const opened = await openEngine({ signatureChecks: 'always' });
  await opened.engine.createKey({ name: 'ec', spec: P256 });
  const wrong = corrupt(opened.pool.hosts[1] as HsmHost);
  const attempts = Array.from({ length: 200 }, () => signedRight(opened, 'ec', 'ES256'));
  t.true((await Promise.all(attempts)).every(Boolean));
  t.true(wrong() > 0);
  t.is(lies(opened), 1);
  await opened.close();
});

test.serial(
  'a policy of samples finds an instance that signs wrongly out, and verifies everything from then on',
  async (t) => {
    const opened = await openEngine();
    await opened.engine.createKey({ name: 'ec-sampled', spec: P256 });
    t.false(opened.pool.hosts.some(({ distrusted }) => distrusted));
    const wrong = corrupt(opened.pool.hosts[0] as HsmHost);
    const signOne = () => opened.engine.sign({ key: { name: 'ec-sampled' }, algorithm: 'ES256', digest });
    // One in sixteen: that none of a thousand of this instance is looked at happens once in 10^28 runs. So many at once that both have work.
    for (let signed = 0; lies(opened) === 0 && wrong() < 1_000 && signed < 10_000; signed += 32)
      await Promise.all(Array.from({ length: 32 }, signOne));
    t.is(lies(opened), 1);
    t.true(opened.pool.hosts.every(({ distrusted }) => distrusted));
    t.true(wrong() > 0);
    t.true(await signedRight(opened, 'ec-sampled', 'ES256'));
    await opened.close();
  },
);

test.serial('where no instance signs rightly the caller is told that the HSM is not available', async (t) => {
  const opened = await openEngine();
  await opened.engine.createKey({ name: 'rsa-never', spec: RSA });
  for (const host of opened.pool.hosts) corrupt(host);
  const attempt = opened.engine.sign({ key: { name: 'rsa-never' }, algorithm: 'RS256', digest });
  const error = await refused(t, attempt, 'ServiceUnavailable');
  t.notRegex(error.message, /wrong/, 'what the device did is for the log');
  t.regex(String(error.cause), /wrong answer twice/);
  await opened.close();
});

test.serial('what the pool itself signs is verified every time', async (t) => {
  const opened = await openEngine({ signatureChecks: 'off' });
  const wrong = corrupt(opened.pool.hosts[0] as HsmHost);
  corrupt(opened.pool.hosts[1] as HsmHost);
  await refused(t, opened.pool.signAuditHead(digest), 'ServiceUnavailable');
  t.is((await opened.pool.signAttestation(digest)).length, 64, 'by an instance that came after');
  t.is(wrong(), 1);
  await opened.close();
});

test.serial(
  'no wrong HMAC leaves an engine that verifies always: both of two instances that disagree go',
  async (t) => {
    const opened = await openEngine({ signatureChecks: 'always' });
    await opened.engine.createKey({ name: 'oct', spec: OCT, operations: ['sign', 'verify'] });
    const sign = async () => {
      const { signature } = await opened.engine.sign({ key: { name: 'oct' }, algorithm: 'HS256', digest });
      return Buffer.from(signature).toString('hex');
    };
    const right = await sign();
    const wrong = corrupt(opened.pool.hosts[0] as HsmHost);
    t.deepEqual(new Set(await Promise.all(Array.from({ length: 200 }, sign))), new Set([right]));
    t.true(wrong() > 0);
    t.is(lies(opened), 2);
    await opened.close();
  },
);

test.serial('with the policy off nobody looks at an HMAC', async (t) => {
  const opened = await openEngine({ signatureChecks: 'off' });
  await opened.engine.createKey({ name: 'oct-off', spec: OCT, operations: ['sign', 'verify'] });
  const counts = opened.pool.hosts.map(corrupt);
  for (let signed = 0; signed < 5; signed++) t.false(await signedRight(opened, 'oct-off', 'HS256'));
  t.is(sum(counts), 5);
  t.is(lies(opened), 0);
  await opened.close();
});

test.serial('no wrong seal leaves the pool, whatever the policy', async (t) => {
  const { pool, close } = await openEngine({ signatureChecks: 'off' });
  const row = Buffer.from('a row of the store');
  const right = await pool.seal(row);
  const wrong = pool.hosts.map(corrupt);
  t.deepEqual(await pool.seal(row), right, 'by an instance that came after');
  t.is(sum(wrong), 1);
  await close();
});

test.serial('a caller who writes over his digest after the call is no reason to suspect the token', async (t) => {
  const opened = await openEngine({ signatureChecks: 'always' });
  await opened.engine.createKey({ name: 'ec-overwritten', spec: P256 });
  const key = { name: 'ec-overwritten' };
  await opened.engine.sign({ key, algorithm: 'ES256', digest });
  const mine = new Uint8Array(digest);
  const promise = opened.engine.sign({ key, algorithm: 'ES256', digest: mine });
  mine.fill(0);
  const { signature } = await promise;
  t.true((await opened.engine.verify({ key, algorithm: 'ES256', digest, signature })).valid);
  t.is(lies(opened), 0);
  await opened.close();
});
