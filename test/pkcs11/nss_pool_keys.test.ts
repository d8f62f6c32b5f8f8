import { randomBytes } from 'node:crypto';
import {
  exportPoolKeys,
  importPoolKeys,
  lookAtPoolKeys,
  settlePoolKeys,
  stagePoolKeys,
} from '../../src/pkcs11/pool_key_transport.ts';
import { startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { nssDatabase, testWithNss } from '../fixtures/nss_token.ts';
import { softHsmDirectory } from './softhsm_token.ts';

const INPUT = Buffer.from('what was sealed');

/** New pool keys on their way from one to the other. */
async function places(
  t: { teardown(clean: () => Promise<void>): void },
  openFrom: typeof softHsmDirectory = softHsmDirectory,
  openTo: typeof softHsmDirectory = nssDatabase,
) {
  const from = await openFrom();
  t.teardown(from.remove);
  const to = await openTo();
  t.teardown(to.remove);
  await startProvisioning(from.request);
  const transportKey = randomBytes(32);
  return { from: from.request, to: to.request, transportKey, keys: await exportPoolKeys(from.request, transportKey) };
}

testWithNss('the pool keys of a SoftHSM token come into a database of NSS that has none', async (t) => {
  const { from, to, transportKey, keys } = await places(t);
  await startProvisioning({ ...to, makesPoolKeys: false });
  t.true(await importPoolKeys(to, transportKey, keys));
  const sight = await lookAtPoolKeys(to);
  t.deepEqual(sight, { ...(await lookAtPoolKeys(from)), isExtractable: false });
  t.false(await importPoolKeys(to, transportKey, keys), 'they are there');
  t.deepEqual((await startProvisioning(to)).createdPoolKeys, []);
});

testWithNss('they take the place of those that it has', async (t) => {
  const { from, to, transportKey, keys } = await places(t);
  await startProvisioning(to);
  const before = await lookAtPoolKeys(to);
  const [seal = new Uint8Array()] = await stagePoolKeys(to, transportKey, keys, [INPUT]);
  t.deepEqual(await lookAtPoolKeys(to), before, 'the others are in use until then');
  t.is(await settlePoolKeys(to, { input: INPUT, seal }), 'promoted');
  t.deepEqual(await lookAtPoolKeys(to), { ...(await lookAtPoolKeys(from)), isExtractable: false });
  t.is(await settlePoolKeys(to, { input: INPUT, seal }), 'none');
});

testWithNss('and those that NSS has made come into a SoftHSM token', async (t) => {
  const { from, to, transportKey, keys } = await places(t, nssDatabase, softHsmDirectory);
  t.true(await importPoolKeys(to, transportKey, keys));
  t.deepEqual(await lookAtPoolKeys(to), { ...(await lookAtPoolKeys(from)), isExtractable: false });
});
