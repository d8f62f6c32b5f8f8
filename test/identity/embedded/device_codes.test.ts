import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { Delegation } from '../../../src/identity/embedded/delegation.ts';
import { DeviceCodes, type DeviceDecision, type DeviceRequest } from '../../../src/identity/embedded/device_codes.ts';
import { EntraError, type EntraErrorCode } from '../../../src/identity/embedded/entra_error.ts';
import { openDocuments } from '../../fixtures/open_documents.ts';
import { TENANT } from './directory_fixture.ts';

const MINUTE_MS = 60_000;
const ACCESS = { audience: 'https://managedhsm.localhost', permissions: ['.default'], openIdScopes: ['openid'] };
const REQUEST: DeviceRequest = { tenantId: TENANT, clientId: 'client', access: ACCESS, address: '192.0.2.1' };
const DELEGATION: Delegation = {
  tenantId: TENANT,
  userId: randomUUID(),
  clientId: 'client',
  access: ACCESS,
  signedInMs: 5,
  passwordSalt: 'salt',
};
const ALLOWED: DeviceDecision = { kind: 'allowed', delegation: DELEGATION };

async function open(t: ExecutionContext) {
  const opened = await openDocuments();
  t.teardown(() => opened.close());
  const clock = { nowMs: 1_000_000 };
  const again = () => new DeviceCodes(opened.again(), () => clock.nowMs);
  return { clock, store: opened.store, codes: again(), again };
}

async function refused(t: ExecutionContext, attempt: Promise<unknown>, code: EntraErrorCode): Promise<void> {
  const error = await t.throwsAsync(attempt, { instanceOf: EntraError });
  t.is(error?.code, code);
}

test('a device waits, and gets what was allowed, once, at another server too', async (t) => {
  const { codes, again } = await open(t);
  const { userCode, deviceCode } = await codes.request(REQUEST);
  await refused(t, codes.redeem(deviceCode, 'client'), 'authorizationPending');
  t.like(await again().findOpen(userCode), REQUEST);
  t.true(await again().decide(userCode, ALLOWED));
  t.deepEqual(await again().redeem(deviceCode, 'client'), DELEGATION);
  await refused(t, codes.redeem(deviceCode, 'client'), 'deviceCodeInvalid');
});

test('of many polls at once one gets what was allowed', async (t) => {
  const { codes } = await open(t);
  const { userCode, deviceCode } = await codes.request(REQUEST);
  await codes.decide(userCode, ALLOWED);
  const results = await Promise.allSettled(Array.from({ length: 6 }, () => codes.redeem(deviceCode, 'client')));
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('a code is typed as people type, and has no letters that are taken for others', async (t) => {
  const { codes } = await open(t);
  const { userCode } = await codes.request(REQUEST);
  t.regex(userCode, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  for (const typed of [userCode.toLowerCase(), userCode.replace('-', ''), ` ${userCode.replace('-', ' ')} `]) {
    t.truthy(await codes.findOpen(typed), typed);
  }
  for (const typed of ['', 'BCDF', `${userCode}B`, 'AEIO-UAEI', '../../etc', `${userCode}'--`]) {
    t.is(await codes.findOpen(typed), undefined, typed);
  }
});

test('a device that asks too often is told so', async (t) => {
  const { clock, codes } = await open(t);
  const { deviceCode } = await codes.request(REQUEST);
  await refused(t, codes.redeem(deviceCode, 'client'), 'authorizationPending');
  clock.nowMs += 3_999;
  await refused(t, codes.redeem(deviceCode, 'client'), 'slowDown');
  clock.nowMs += 4_000;
  await refused(t, codes.redeem(deviceCode, 'client'), 'authorizationPending');
});

test('a code that was declined gives nothing, and is told once', async (t) => {
  const { codes } = await open(t);
  const { userCode, deviceCode } = await codes.request(REQUEST);
  t.true(await codes.decide(userCode, { kind: 'declined' }));
  await refused(t, codes.redeem(deviceCode, 'client'), 'deviceCodeDeclined');
  await refused(t, codes.redeem(deviceCode, 'client'), 'deviceCodeInvalid');
});

test('what is decided stays decided', async (t) => {
  const { codes } = await open(t);
  const { userCode, deviceCode } = await codes.request(REQUEST);
  t.true(await codes.decide(userCode, { kind: 'declined' }));
  t.is(await codes.findOpen(userCode), undefined);
  t.false(await codes.decide(userCode, ALLOWED));
  await refused(t, codes.redeem(deviceCode, 'client'), 'deviceCodeDeclined');
});

test('a code ends after a quarter of an hour; the device is told so for as long again', async (t) => {
  const { clock, codes } = await open(t);
  const { userCode, deviceCode } = await codes.request(REQUEST);
  clock.nowMs += 15 * MINUTE_MS;
  t.is(await codes.findOpen(userCode), undefined);
  t.false(await codes.decide(userCode, ALLOWED));
  await codes.sweep();
  await refused(t, codes.redeem(deviceCode, 'client'), 'deviceCodeExpired');
  clock.nowMs += 15 * MINUTE_MS;
  await codes.sweep();
  await refused(t, codes.redeem(deviceCode, 'client'), 'deviceCodeInvalid');
});

test('another client, another secret and another code get nothing', async (t) => {
  const { codes } = await open(t);
  const { userCode, deviceCode } = await codes.request(REQUEST);
  const other = await codes.request(REQUEST);
  await codes.decide(userCode, ALLOWED);
  await refused(t, codes.redeem(deviceCode, 'other'), 'deviceCodeInvalid');
  const [letters = '', secret = ''] = deviceCode.split('.');
  const [otherLetters = '', otherSecret = ''] = other.deviceCode.split('.');
  for (const text of [
    `${letters}.${otherSecret}`,
    `${otherLetters}.${secret}`,
    letters,
    userCode,
    `${letters}.`,
    `.${secret}`,
    '',
  ]) {
    await refused(t, codes.redeem(text, 'client'), 'deviceCodeInvalid');
  }
  t.deepEqual(await codes.redeem(deviceCode, 'client'), DELEGATION);
});

test('ten codes wait for one address, and it gets room as they are decided', async (t) => {
  const { codes } = await open(t);
  const asked = await Promise.all(Array.from({ length: 10 }, () => codes.request(REQUEST)));
  await refused(t, codes.request(REQUEST), 'tooManyRequests');
  await t.notThrowsAsync(codes.request({ ...REQUEST, address: '192.0.2.2' }));
  await codes.decide(asked[0]?.userCode ?? '', { kind: 'declined' });
  await t.notThrowsAsync(codes.request(REQUEST));
});

test('two hundred codes wait, from wherever they come', async (t) => {
  const { codes } = await open(t);
  for (let n = 0; n < 200; n++) await codes.request({ ...REQUEST, address: `192.0.2.${n >> 3}` });
  await refused(t, codes.request({ ...REQUEST, address: '198.51.100.1' }), 'tooManyRequests');
});

test('the store has a digest of what the device holds, and not that', async (t) => {
  const { codes, store } = await open(t);
  const { deviceCode } = await codes.request(REQUEST);
  const [letters = '', secret = ''] = deviceCode.split('.');
  const content = (await store.findDocument('device_code', letters))?.record.content ?? '';
  t.true(content.includes('"digest"'));
  t.false(content.includes(secret));
});
