import test from 'ava';
import { ALGORITHMS, type AlgorithmName } from '../../src/model/algorithm.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { PublicKey } from '../../src/model/key.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { decodeEcPoint } from '../../src/pkcs11/ec_point.ts';
import { keyPairTemplates } from '../../src/pkcs11/key_template.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import { decodeAttributes, encodeQuery } from '../../src/pkcs11/template.ts';
import type { Completion, HsmHost, RingRequest } from '../../src/pool/hsm_host.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { SelfTest } from '../../src/pool/self_test.ts';
import { SELF_TEST_VECTORS } from '../../src/pool/self_test_vectors.ts';
import { decodeHandles } from '../../src/pool/token_answers.ts';
import { poolToken } from './pool_token.ts';
import { SessionKey } from './session_key.ts';

const token = await poolToken({ hosts: 1 });
const pool = await HsmPool.open(token.options);
test.after.always(async () => {
  await pool.close();
  await token.remove();
});

const NAMES = [...ALGORITHMS.keys()];
const host = pool.hosts[0] as HsmHost;

/** Self-tests whose answers a saboteur may change on their way from the token. */
function sabotaged(change: (request: RingRequest, completion: Completion) => Completion) {
  const failures: string[] = [];
  const asked: RingRequest[] = [];
  const selfTest = new SelfTest({
    ask: async (at, request, input) => {
      asked.push(request);
      return change(request, await pool.call(request, { host: at, input }));
    },
    realisation: ({ name }) => pool.realisation(name),
    onFailure: (reason) => failures.push(reason),
  });
  return { selfTest, failures, asked };
}

const GIVING: ReadonlySet<number> = new Set([
  RING_OPERATION.sign,
  RING_OPERATION.encrypt,
  RING_OPERATION.decrypt,
  RING_OPERATION.oaepEncrypt,
  RING_OPERATION.oaepDecrypt,
  RING_OPERATION.wrapBytes,
  RING_OPERATION.unwrapBytes,
]);

function flipped(completion: Completion): Completion {
  const answer = completion.answer.slice();
  if (answer.length > 0) answer[0] = (answer[0] as number) ^ 1;
  return { ...completion, answer };
}

for (const name of NAMES) {
  test(`${name} gives the known answer through SoftHSM`, async (t) => {
    const { selfTest, failures } = sabotaged((_, completion) => completion);
    await selfTest.ensure(name, host);
    t.is(selfTest.ensure(name, host), true, 'and is not asked again');
    t.deepEqual(failures, []);
  });

  test(`one wrong bit in what ${name} gives is a failed self-test`, async (t) => {
    const { selfTest, failures } = sabotaged((request, completion) =>
      GIVING.has(request.operation) ? flipped(completion) : completion,
    );
    await t.throwsAsync(selfTest.ensure(name, host) as Promise<void>, {
      instanceOf: StrongroomError,
      code: 'SelfTestFailed',
    });
    t.is(failures.length, 1);
    t.regex(failures[0] ?? '', new RegExp(`^Known-answer test of ${name} in host-1: `));
  });
}

test('a token that verifies whatever it is given fails', async (t) => {
  for (const name of ['RS256', 'PS256', 'ES256', 'HS256'] satisfies AlgorithmName[]) {
    const { selfTest, failures } = sabotaged((request, completion) =>
      request.operation === RING_OPERATION.verify ? { ...completion, returnValue: 0 } : completion,
    );
    await t.throwsAsync(selfTest.ensure(name, host) as Promise<void>, { code: 'SelfTestFailed' });
    t.regex(failures[0] ?? '', /a wrong signature verifies/);
  }
});

test('a token that decrypts forgeries fails', async (t) => {
  const { selfTest, failures } = sabotaged((request, completion) =>
    request.operation === RING_OPERATION.decrypt && completion.returnValue !== 0
      ? { ...completion, returnValue: 0 }
      : completion,
  );
  await t.throwsAsync(selfTest.ensure('A256GCM', host) as Promise<void>, { code: 'SelfTestFailed' });
  t.regex(failures[0] ?? '', /a forged ciphertext decrypts/);
});

test('a token that refuses what it should do fails', async (t) => {
  const { selfTest } = sabotaged((request, completion) =>
    request.operation === RING_OPERATION.sign
      ? { ...completion, returnValue: RETURN_VALUE.CKR_DATA_LEN_RANGE }
      : completion,
  );
  await t.throwsAsync(selfTest.ensure('ES384', host) as Promise<void>, { code: 'SelfTestFailed' });
});

test('a test runs once however many ask at the same time', async (t) => {
  const { selfTest, asked } = sabotaged((_, completion) => completion);
  const first = selfTest.ensure('ES256', host);
  t.is(selfTest.ensure('ES256', host), first);
  await first;
  t.is(asked.filter(({ operation }) => operation === RING_OPERATION.sign).length, 1);
});

test('the keys of a test are destroyed after it', async (t) => {
  const { selfTest, asked } = sabotaged((_, completion) => completion);
  await selfTest.ensure('RS256', host);
  const count = (operation: number): number => asked.filter((request) => request.operation === operation).length;
  t.is(count(RING_OPERATION.create), 2);
  t.is(count(RING_OPERATION.destroy), 2);
});

test('a test that could not be run is no failure, and the next to ask starts it again', async (t) => {
  let away = true;
  const { selfTest, failures } = sabotaged((_, completion) => {
    if (away) throw new StrongroomError('ServiceUnavailable', 'The host is gone.');
    return completion;
  });
  await t.throwsAsync(selfTest.ensure('ES256', host) as Promise<void>, { code: 'ServiceUnavailable' });
  t.deepEqual(failures, []);
  away = false;
  await selfTest.ensure('ES256', host);
  t.is(selfTest.ensure('ES256', host), true);
});

test('another instance has to prove itself anew', async (t) => {
  const { selfTest } = sabotaged((_, completion) => completion);
  await selfTest.ensure('HS256', host);
  selfTest.forget(host);
  t.not(selfTest.ensure('HS256', host), true);
  await selfTest.ensure('HS256', host);
});

async function newPair(): Promise<{ publicKey: PublicKey; privateHandle: number }> {
  const spec = { keyType: 'EC-HSM', curve: 'P-384' } as const;
  const { publicTemplate, privateTemplate } = keyPairTemplates(spec, { kind: 'session', private: true }, 'locked');
  const { answer } = await pool.call(
    ringRequest(RING_OPERATION.generateKeyPair, {
      mechanism: MECHANISM.CKM_EC_KEY_PAIR_GEN,
      template: publicTemplate,
      template2: privateTemplate,
      capacity: 16,
    }),
    { host },
  );
  const [object = 0, privateHandle = 0] = decodeHandles(answer);
  const query = ringRequest(RING_OPERATION.getAttributes, {
    object,
    template: encodeQuery(['CKA_EC_POINT']),
    capacity: 256,
  });
  const point = decodeAttributes((await pool.call(query, { host })).answer).bytes('CKA_EC_POINT') as Uint8Array;
  return { publicKey: { keyType: 'EC-HSM', curve: 'P-384', ...decodeEcPoint('P-384', point) }, privateHandle };
}

test('a new key pair whose halves belong together passes', async (t) => {
  const { selfTest, failures } = sabotaged((_, completion) => completion);
  const { publicKey, privateHandle } = await newPair();
  await t.notThrowsAsync(selfTest.pair(publicKey, privateHandle, host));
  t.deepEqual(failures, []);
});

test('a new key pair whose public half is another one, or none, is refused', async (t) => {
  const { privateHandle, publicKey } = await newPair();
  const other = (await newPair()).publicKey;
  if (publicKey.keyType !== 'EC-HSM') return t.fail('not an EC key');
  const bent = { ...publicKey, x: publicKey.x.map((byte, index) => (index === 5 ? byte ^ 4 : byte)) };
  for (const wrong of [other, bent]) {
    const { selfTest, failures } = sabotaged((_, completion) => completion);
    await t.throwsAsync(selfTest.pair(wrong, privateHandle, host), { code: 'SelfTestFailed' });
    t.is(failures.length, 1);
  }
});

test('RSA and AES keys are tried out too', async (t) => {
  const { key } = SELF_TEST_VECTORS.RS256;
  if (key.keyType !== 'RSA-HSM') return t.fail('not an RSA key');
  const { selfTest } = sabotaged((_, completion) => completion);
  const { modulus, publicExponent } = key;
  const rsa = await new SessionKey(pool, key).handle(host);
  await t.notThrowsAsync(selfTest.pair({ keyType: 'RSA-HSM', modulus, publicExponent }, rsa, host));
  const aes = await new SessionKey(pool, SELF_TEST_VECTORS.A192GCM.key).handle(host);
  await t.notThrowsAsync(selfTest.pair({ keyType: 'oct-HSM' }, aes, host));
  const broken = sabotaged((request, completion) =>
    request.operation === RING_OPERATION.decrypt ? flipped(completion) : completion,
  );
  await t.throwsAsync(broken.selfTest.pair({ keyType: 'oct-HSM' }, aes, host), { code: 'SelfTestFailed' });
});

test.serial('a failed self-test puts the pool into the error state, until an operator has acted', async (t) => {
  const own = await poolToken({ hosts: 1 });
  const sick = await HsmPool.open(own.options);
  t.teardown(async () => {
    await sick.close();
    await own.remove();
  });
  const row = Buffer.from('row');
  await sick.seal(row);
  const at = sick.hosts[0] as HsmHost;
  const { publicKey } = await newPair();
  const other = await new SessionKey(sick, SELF_TEST_VECTORS.ES384.key).handle(at);
  await t.throwsAsync(sick.selfTest.pair(publicKey, other, at), { code: 'SelfTestFailed' });
  await t.throwsAsync(sick.seal(row), { code: 'SelfTestFailed' });
  await t.throwsAsync(sick.call(ringRequest(RING_OPERATION.random, { capacity: 8 })), { code: 'SelfTestFailed' });
  t.is(sick.status().state, 'selfTestFailed');
  t.regex(sick.status().reason ?? '', /Pairwise consistency/);
  sick.resume();
  t.is((await sick.seal(row)).length, 32);
  t.is(sick.status().state, 'ready');
});

test('a device that is unwell for a moment in a self-test passes it, and one that refuses twice does not', async (t) => {
  for (const refusals of [1, 2]) {
    let left = refusals;
    const { selfTest, failures } = sabotaged((request, completion) => {
      if (!GIVING.has(request.operation) || left === 0) return completion;
      left -= 1;
      return { ...completion, returnValue: RETURN_VALUE.CKR_GENERAL_ERROR };
    });
    const testing = Promise.resolve(selfTest.ensure('A256GCM', host));
    if (refusals === 1) await t.notThrowsAsync(testing);
    else await t.throwsAsync(testing, { code: 'SelfTestFailed' });
    t.is(failures.length, refusals - 1);
  }
});
