import test from 'ava';
import { type Activation, DomainCustody } from '../../src/security_domain/domain_custody.ts';
import { parseDomainFile } from '../../src/security_domain/domain_format.ts';
import { openDomain } from '../../src/security_domain/security_domain.ts';
import { refused } from '../fixtures/refused.ts';
import { newCustodian } from './custodians.ts';

const people = ['anna', 'ben', 'carla'].map((name) => newCustodian(name));
const custodians = people.map(({ custodian }) => custodian);
const ITEM = { tag: 'hsm_backup', content: Buffer.from('pool keys') };

function open(overrides: Partial<ConstructorParameters<typeof DomainCustody>[0]> = {}) {
  const records: Activation[] = [];
  const custody = new DomainCustody({
    activation: undefined,
    needsNoCeremony: false,
    takeOut: async () => [ITEM],
    record: async (activation) => {
      records.push(activation);
    },
    ...overrides,
  });
  return { custody, records };
}

test('the first download makes the pool active, and what it gives opens', async (t) => {
  const { custody, records } = open();
  t.false(custody.isActive);
  t.is(custody.downloadState, 'None');
  const file = parseDomainFile(await custody.download(custodians, 2, 5_500));
  t.true(custody.isActive);
  t.is(custody.downloadState, 'Success');
  t.deepEqual(records, [
    {
      activated: 5,
      downloaded: 5,
      custodians: custodians.map(({ thumbprint }) => thumbprint),
      required: 2,
      formerAuditKey: undefined,
    },
  ]);
  const [item] = await openDomain(
    file,
    people.slice(1).map(({ key }) => key),
  );
  t.deepEqual(Buffer.from(item?.content ?? []), ITEM.content);
});

test('a later download is for others, and keeps the date of the first', async (t) => {
  const { custody, records } = open();
  await custody.download(custodians, 2, 5_000);
  await custody.download(custodians, 3, 9_000);
  t.like(records[1], { activated: 5, downloaded: 9, required: 3 });
});

test('nothing is active that is not on record, and a failed download can be done again', async (t) => {
  let fails = true;
  const { custody } = open({
    record: async () => {
      if (fails) throw new Error('no store');
    },
  });
  await t.throwsAsync(custody.download(custodians, 2, 0), { message: 'no store' });
  t.false(custody.isActive);
  t.is(custody.downloadState, 'Failed');
  fails = false;
  await custody.download(custodians, 2, 0);
  t.true(custody.isActive);
});

test('one download at a time, and none for a quorum that cannot be', async (t) => {
  let taken = 0;
  const { custody } = open({
    takeOut: async () => {
      taken += 1;
      return [ITEM];
    },
  });
  await refused(t, custody.download(custodians.slice(1), 2, 0), 'BadParameter');
  t.is(taken, 0);
  const one = custody.download(custodians, 2, 0);
  await refused(t, custody.download(custodians, 2, 0), 'Conflict', 'DownloadInProgress');
  await one;
  t.is(taken, 1);
});

test('what another server has recorded counts here as well', (t) => {
  const { custody } = open();
  custody.learn(undefined);
  t.false(custody.isActive);
  custody.learn({ activated: 1, downloaded: 1, custodians: [], required: 2 });
  t.true(custody.isActive);
  t.is(custody.downloadState, 'Success');
});

test('where no ceremony is asked for, the pool is active without one', (t) => {
  t.true(open({ needsNoCeremony: true }).custody.isActive);
});
