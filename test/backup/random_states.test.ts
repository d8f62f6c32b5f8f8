import { randomUUID } from 'node:crypto';
import test from 'ava';
import type { KeySpec } from '../../src/model/key.ts';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { type CampaignRun, campaign } from '../campaigns/campaign.ts';
import { openTestToken } from '../fixtures/softhsm_token.ts';
import { plain, same } from '../store/store_records.ts';
import { type BackupPool, DIRECTORY, openBackupPool, openRoles } from './backup_pool.ts';

const token = await openTestToken();
test.after.always(() => token.close());

const ALL = { after: undefined, limit: 1_000 };
const SPECS: readonly KeySpec[] = [
  { keyType: 'EC-HSM', curve: 'P-256' },
  { keyType: 'EC-HSM', curve: 'P-384' },
  { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 },
];
/** What a key of each kind has signed before, it verifies afterwards. */
const SIGNATURES = [
  { algorithm: 'ES256', digest: Buffer.alloc(32, 1) },
  { algorithm: 'ES384', digest: Buffer.alloc(48, 1) },
  { algorithm: 'PS256', digest: Buffer.alloc(32, 1) },
] as const;
const MOST_STEPS = 30;

interface Signed {
  readonly name: string;
  readonly version: string;
  readonly kind: number;
  readonly signature: Uint8Array;
}

/** What is done to a pool: each a step of its life, which may be refused. */
const STEPS: readonly ((pool: BackupPool, run: CampaignRun, name: string, kind: number) => Promise<unknown>)[] = [
  ({ engine }, { random }, name, kind) =>
    engine.createKey({
      name,
      spec: SPECS[kind] as KeySpec,
      tags: { n: String(random.uint32()) },
      enabled: random.chance(0.8),
    }),
  ({ engine }, _run, name, kind) => engine.createKey({ name, spec: SPECS[kind] as KeySpec }),
  ({ engine }, { random }, name) => engine.updateKey({ key: { name }, enabled: random.chance(0.5), tags: { t: 'ä' } }),
  ({ engine }, _run, name) => engine.deleteKey(name),
  ({ engine }, _run, name) => engine.recoverKey(name),
  ({ engine }, _run, name) => engine.purgeKey(name),
  ({ engine }, { random }, name) => {
    const timeAfterCreate = `P${random.integer(28, 300)}D`;
    const lifetimeActions = [{ action: 'Rotate' as const, timeAfterCreate, timeBeforeExpiry: undefined }];
    return engine.setRotationPolicy({ name, lifetimeActions, expiryTime: 'P2Y' });
  },
  ({ engine }, _run, name) => engine.rotateKey(name),
  ({ engine }, { random }) => engine.setSetting('AllowKeyManagementOperationsThroughARM', random.chance(0.5)),
  ({ roles }, _run, name) =>
    roles.addAssignment({
      id: randomUUID(),
      principalId: randomUUID(),
      roleDefinitionId: BUILT_IN_ROLE_IDS.cryptoUser,
      scope: `/keys/${name}`,
    }),
  async ({ roles }, { random }) => {
    const { scope, id } = random.pick(roles.assignments);
    await roles.removeAssignment(scope, id);
  },
];

async function live(pool: BackupPool, run: CampaignRun): Promise<Signed[]> {
  const signed: Signed[] = [];
  for (let step = run.random.integer(1, MOST_STEPS); step > 0; step--) {
    const name = `key-${run.random.integer(1, 6)}`;
    // Most are made with the cheap kinds: an RSA key takes a moment.
    const kind = run.random.chance(0.1) ? 2 : run.random.integer(0, 1);
    await run.random
      .pick(STEPS)(pool, run, name, kind)
      .catch(() => undefined);
  }
  for (const { key, versions } of await pool.store.listWholeKeys(ALL)) {
    if (key.record.deletion !== undefined) continue;
    for (const { version } of versions) {
      const { name, version: id, spec, enabled } = version.record;
      const kind = SPECS.findIndex((each) => same(each, spec));
      const how = SIGNATURES[kind] as (typeof SIGNATURES)[number];
      if (!enabled) continue;
      const { signature } = await pool.engine.sign({ key: { name, version: id }, ...how });
      signed.push({ name, version: id, kind, signature });
    }
  }
  return signed;
}

async function stateOf({ store, documents, engine }: BackupPool): Promise<unknown> {
  const { assignments } = await openRoles(documents);
  return {
    keys: plain(await store.listWholeKeys(ALL)),
    assignments: assignments.toSorted((one, other) => one.id.localeCompare(other.id)),
    settings: await engine.listSettings(),
  };
}

campaign('backup_states', async (t, run) => {
  const target = await openBackupPool(token);
  const source = await openBackupPool(token);
  t.teardown(() => Promise.all([source.close(), target.close()]));
  let keys = 0;
  for (; run.done < run.count; run.done++) {
    const signed = await live(source, run);
    const folder = await source.backedUp();
    await target.backedUp();
    const job = await target.done(target.backups.startRestore({ location: DIRECTORY, folder }));
    if (job.state !== 'Succeeded') run.fail(`State ${run.done}: ${job.details}`);
    if (!same(await stateOf(target), await stateOf(source))) run.fail(`State ${run.done} came back different.`);
    for (const { name, version, kind, signature } of signed) {
      const how = SIGNATURES[kind] as (typeof SIGNATURES)[number];
      const { valid } = await target.engine.verify({ key: { name, version }, ...how, signature });
      if (!valid) run.fail(`State ${run.done}: ${name}/${version} does not verify what it has signed.`);
      await target.engine.sign({ key: { name, version }, ...how });
    }
    keys += signed.length;
  }
  run.measure('key versions used', keys);
  t.deepEqual([...source.trouble, ...target.trouble], []);
});
