import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import type { DomainItem } from '../../src/security_domain/domain_cipher.ts';
import { DomainRecovery, type DomainRecoveryOptions } from '../../src/security_domain/domain_recovery.ts';
import { packForRecovery } from '../../src/security_domain/security_domain.ts';
import { refused } from '../fixtures/refused.ts';
import { newCustodian } from './custodians.ts';

const ITEM = { tag: 'hsm_backup', content: Buffer.from('pool keys') };
const NOW = new Date();

function open(overrides: Partial<DomainRecoveryOptions> = {}) {
  const taken: (readonly DomainItem[])[] = [];
  const failures: unknown[] = [];
  const recovery = new DomainRecovery({
    isActive: () => false,
    requireEmpty: async () => undefined,
    requirePoolKeys: () => undefined,
    recover: async (items) => {
      taken.push(items);
    },
    onFailure: (error) => failures.push(error),
    ...overrides,
  });
  const pack = async (): Promise<string> =>
    JSON.stringify(await packForRecovery([ITEM], await recovery.transferKey(NOW)));
  return { recovery, taken, failures, pack };
}

/** Lets what goes on by itself come to its end, without the transfer key being given up. */
async function ended(recovery: DomainRecovery): Promise<void> {
  while (recovery.isRestoring) await new Promise((resolve) => setImmediate(resolve));
}

test('what was encrypted to the transfer key arrives, once', async (t) => {
  const { recovery, taken, pack } = open();
  const text = await pack();
  await recovery.upload(text);
  await ended(recovery);
  t.is(recovery.uploadState, 'Success');
  t.deepEqual(Buffer.from(taken[0]?.[0]?.content ?? []), ITEM.content);
  await refused(t, recovery.upload(text), 'Conflict', 'TransferKeyMissing');
  const first = JSON.parse(text).WrappedKey.x5t_256;
  t.not((await recovery.transferKey(NOW)).thumbprint, first, 'the next one is another');
  await refused(t, recovery.upload(text), 'BadParameter', 'SecurityDomainWrong');
  t.is(taken.length, 1);
});

test('without a transfer key, for another one, cut off or damaged, nothing is begun', async (t) => {
  const { recovery, taken, pack } = open();
  const stranger = newCustodian('stranger');
  const foreign = JSON.stringify(await packForRecovery([ITEM], stranger.custodian));
  await refused(t, recovery.upload(foreign), 'Conflict', 'TransferKeyMissing');
  const text = await pack();
  const file = JSON.parse(text);
  const lying = JSON.parse(foreign);
  lying.WrappedKey.x5t_256 = file.WrappedKey.x5t_256;
  const [item] = file.EncData.data;
  const damaged = {
    ...file,
    EncData: { ...file.EncData, data: [{ ...item, compact_jwe: `${item.compact_jwe.slice(0, -8)}AAAAAAAA` }] },
  };
  for (const each of [foreign, JSON.stringify(lying), JSON.stringify(damaged), '{}'])
    await refused(t, recovery.upload(each), 'BadParameter', 'SecurityDomainWrong');
  await refused(t, recovery.upload(text.slice(0, -20)), 'BadParameter');
  t.deepEqual(taken, []);
  t.is(recovery.uploadState, 'None');
  await recovery.upload(text);
  await ended(recovery);
  t.is(recovery.uploadState, 'Success', 'the transfer key is still good');
});

test('what is no pool key, a pool that is active, and one that holds keys, are told apart', async (t) => {
  const conflict = new StrongroomError('Conflict', 'It holds keys.', { innerCode: 'HsmNotEmpty' });
  const full = open({ requireEmpty: () => Promise.reject(conflict) });
  await refused(t, full.recovery.transferKey(NOW), 'Conflict', 'HsmNotEmpty');
  let isActive = false;
  const { recovery, pack } = open({ isActive: () => isActive });
  const text = await pack();
  isActive = true;
  await refused(t, recovery.upload(text), 'Conflict', 'HsmActivated');
  await refused(t, recovery.transferKey(NOW), 'Conflict', 'HsmActivated');
  const wrong = new StrongroomError('BadParameter', 'No pool keys.', { innerCode: 'SecurityDomainWrong' });
  const other = open({
    requirePoolKeys: () => {
      throw wrong;
    },
  });
  await refused(t, other.recovery.upload(await other.pack()), 'BadParameter', 'SecurityDomainWrong');
  t.is(other.recovery.uploadState, 'None');
});

test('a pool that is activated while an upload is looked at keeps what it has, and may be restored', async (t) => {
  let isActive = false;
  const { recovery, taken, pack } = open({
    isActive: () => isActive,
    requirePoolKeys: () => {
      isActive = true;
    },
  });
  await refused(t, recovery.upload(await pack()), 'Conflict', 'HsmActivated');
  t.false(recovery.isRestoring);
  t.deepEqual(taken, []);
});

test('one recovery at a time, and one that failed can be done again with the same upload', async (t) => {
  const gate = Promise.withResolvers<void>();
  let attempts = 0;
  const { recovery, failures, pack } = open({
    recover: async () => {
      attempts++;
      if (attempts === 1) await gate.promise;
    },
  });
  const text = await pack();
  await recovery.upload(text);
  t.true(recovery.isRestoring);
  await refused(t, recovery.upload(text), 'Conflict', 'RestoreInProgress');
  gate.reject(new Error('the token is gone'));
  await ended(recovery);
  t.is(recovery.uploadState, 'Failed');
  t.is(failures.length, 1);
  await recovery.upload(text);
  await ended(recovery);
  t.is(recovery.uploadState, 'Success');
  t.is(attempts, 2);
});
