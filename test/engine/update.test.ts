import { randomBytes } from 'node:crypto';
import test from 'ava';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import type { UpdateKeyRequest } from '../../src/engine/requests.ts';
import type { KeySpec } from '../../src/model/key.ts';
import type { KeyOperation } from '../../src/model/key_operation.ts';
import type { ReleasePolicy } from '../../src/model/release_policy.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine();
});

test.after.always(() => token.close());

const P256: KeySpec = { keyType: 'EC-HSM', curve: 'P-256' };
const OCT: KeySpec = { keyType: 'oct-HSM', size: 256 };
const DIGEST = randomBytes(32);

const policyOf = (claim: string, immutable = false): ReleasePolicy => ({
  contentType: 'application/json; charset=utf-8',
  data: new Uint8Array(
    Buffer.from(
      `{"version":"1.0.0","anyOf":[{"authority":"https://a.example","allOf":[{"claim":"${claim}","equals":1}]}]}`,
    ),
  ),
  immutable,
});

test('an update changes what it names and nothing else', async (t) => {
  let now = 2_000_000_000_000;
  const engine = await KeyEngine.open({ ...opened, clock: () => now });
  const key = { name: 'named' };
  const made = await engine.createKey({ ...key, spec: P256, tags: { a: '1', b: '2' }, expires: 3_000_000_000 });
  now += 10_000;
  const changes: Omit<UpdateKeyRequest, 'key'>[] = [
    { enabled: false },
    { operations: ['verify', 'verify'] },
    { notBefore: 5 },
    { expires: 2_500_000_000 },
    { tags: { c: '3' } },
    { tags: {} },
    {},
  ];
  let before = made;
  for (const change of changes) {
    const after = await engine.updateKey({ key, ...change });
    const { operations } = change;
    t.deepEqual(after, {
      ...before,
      ...change,
      ...(operations && { operations: ['verify'] }),
      updated: 2_000_000_010,
    });
    t.deepEqual(await engine.getKey(key), after);
    t.deepEqual(await engine.getKey({ ...key, version: made.version }), after);
    before = after;
  }
});

test('without a version the newest is updated, and with one that one alone', async (t) => {
  const { engine } = opened;
  const first = await engine.createKey({ name: 'versions', spec: OCT });
  const second = await engine.createKey({ name: 'versions', spec: OCT });
  await engine.updateKey({ key: { name: 'versions' }, tags: { which: 'newest' } });
  await engine.updateKey({ key: { name: 'versions', version: first.version }, enabled: false });
  t.like(await engine.getKey(first), { tags: {}, enabled: false });
  t.like(await engine.getKey({ name: 'versions' }), {
    version: second.version,
    tags: { which: 'newest' },
    enabled: true,
  });
});

test('what an update forbids is refused from then on, and what it permits is done', async (t) => {
  const { engine } = opened;
  const key = { name: 'use' };
  await engine.createKey({ ...key, spec: P256 });
  const sign = (): Promise<unknown> => engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
  await t.notThrowsAsync(sign());
  await engine.updateKey({ key, enabled: false });
  await refused(t, sign(), 'Forbidden', 'KeyDisabled');
  await engine.updateKey({ key, enabled: true, operations: ['verify'] });
  await refused(t, sign(), 'Forbidden', 'KeyOperationForbidden');
  await engine.updateKey({ key, operations: ['sign'], expires: 1 });
  await refused(t, sign(), 'Forbidden', 'KeyExpired');
  await engine.updateKey({ key, expires: 4_000_000_000 });
  await t.notThrowsAsync(sign());
});

test('AES-GCM encryptions that were reserved for a version are not lost with an update', async (t) => {
  const limits = { gcmEncryptionsReserved: 8, gcmEncryptionsPerKeyVersion: 8 };
  const engine = await KeyEngine.open({ ...opened, limits });
  const key = { name: 'budget' };
  await engine.createKey({ ...key, spec: OCT });
  const encrypt = (): Promise<unknown> => engine.encrypt({ key, algorithm: 'A256GCM', plaintext: DIGEST });
  for (let count = 0; count < 8; count++) {
    await t.notThrowsAsync(encrypt());
    await engine.updateKey({ key, tags: { count: String(count) } });
  }
  await refused(t, encrypt(), 'Forbidden', 'EncryptionLimitReached');
});

const RSA: KeySpec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 };

test('an update with what no key has is refused, and changes nothing', async (t) => {
  const { engine } = opened;
  const key = { name: 'bad' };
  const made = await engine.createKey({ ...key, spec: P256, notBefore: 10, expires: 20 });
  const bad: [string, Omit<UpdateKeyRequest, 'key'>][] = [
    ['operations of another type', { operations: ['encrypt'] }],
    ['no operation', { operations: ['fly' as KeyOperation] }],
    ['enabled', { enabled: 1 as unknown as boolean }],
    ['an expiry before the beginning', { expires: 10 }],
    ['a beginning after the expiry', { notBefore: 20 }],
    ['milliseconds', { expires: 1_900_000_000_000 }],
    ['a negative time', { notBefore: -1 }],
    ['sixteen tags', { tags: Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`${index}`, ''])) }],
    ['a tag of 257 characters', { tags: { a: 'b'.repeat(257) } }],
  ];
  for (const [what, change] of bad) {
    await refused(t, engine.updateKey({ key, ...change }), 'BadParameter', undefined, what);
  }
  t.deepEqual(await engine.getKey(key), made);
  await refused(t, engine.updateKey({ key: { name: 'a_b' } }), 'BadParameter');
  await refused(t, engine.updateKey({ key: { name: 'bad', version: 'A' } }), 'BadParameter');
  await refused(t, engine.updateKey({ key: { name: 'unknown' } }), 'KeyNotFound');
  await refused(t, engine.updateKey({ key: { name: 'bad', version: '0'.repeat(32) } }), 'KeyNotFound');
});

test('a key for importing others stays one, and no other key becomes one', async (t) => {
  const { engine } = opened;
  const exchange = { name: 'exchange' };
  await engine.createKey({ ...exchange, spec: RSA, operations: ['import'] });
  await refused(t, engine.updateKey({ key: exchange, operations: ['decrypt'] }), 'BadParameter');
  await refused(t, engine.updateKey({ key: exchange, operations: [] }), 'BadParameter');
  await t.notThrowsAsync(engine.updateKey({ key: exchange, operations: ['import'] }));
  const other = { name: 'no-exchange' };
  await engine.createKey({ ...other, spec: RSA });
  await refused(t, engine.updateKey({ key: other, operations: ['import'] }), 'BadParameter');
});

test('a release policy can be changed as long as it is not immutable', async (t) => {
  const { engine } = opened;
  const key = { name: 'released' };
  const made = await engine.createKey({ ...key, spec: P256, releasePolicy: policyOf('a') });
  t.true(made.exportable);
  t.deepEqual(made.releasePolicy, policyOf('a'));
  t.deepEqual((await engine.updateKey({ key, releasePolicy: policyOf('b') })).releasePolicy, policyOf('b'));
  const fixed = policyOf('c', true);
  t.deepEqual((await engine.updateKey({ key, releasePolicy: fixed })).releasePolicy, fixed);
  for (const releasePolicy of [policyOf('d'), policyOf('d', true), policyOf('c', false)]) {
    const { message } = await refused(t, engine.updateKey({ key, releasePolicy }), 'BadParameter');
    t.is(message, 'AKV.SKR.1020: Immutable Key Release Policy cannot be modified.');
  }
  t.deepEqual((await engine.updateKey({ key, releasePolicy: fixed, tags: { a: 'b' } })).releasePolicy, fixed);
});

test('a key that is not exportable gets no release policy, and no key a policy that is none', async (t) => {
  const { engine } = opened;
  const key = { name: 'kept' };
  await engine.createKey({ ...key, spec: P256 });
  const { message } = await refused(t, engine.updateKey({ key, releasePolicy: policyOf('a') }), 'BadParameter');
  t.is(message, 'Non-exportable keys must not have release policy');
  const broken = { ...policyOf('a'), data: new Uint8Array(Buffer.from('{}')) };
  await refused(t, engine.createKey({ name: 'broken', spec: P256, releasePolicy: broken }), 'BadParameter');
  const resident = { name: 'resident', spec: P256, releasePolicy: policyOf('a'), custody: 'resident' } as const;
  await refused(t, engine.createKey(resident), 'NotSupported');
});

test('the caller’s bytes are not the policy: what he does to them later changes nothing', async (t) => {
  const { engine } = opened;
  const releasePolicy = policyOf('a');
  await engine.createKey({ name: 'copied', spec: P256, releasePolicy });
  releasePolicy.data.fill(0);
  t.deepEqual((await engine.getKey({ name: 'copied' })).releasePolicy, policyOf('a'));
});
