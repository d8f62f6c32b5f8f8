import { createSecretKey, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { CURVES, type KeySpec } from '../../src/model/key.ts';
import type { KeyOperation } from '../../src/model/key_operation.ts';
import { syncSoftHsmTokens } from '../../src/pkcs11/softhsm_token_sync.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { campaign } from '../campaigns/campaign.ts';
import { materialOf, materialOfPair, nodeEcPair, nodeRsaPair } from '../fixtures/key_material.ts';
import { openTestToken, type TestToken } from '../fixtures/softhsm_token.ts';
import { countObjects } from '../fixtures/token_inventory.ts';
import * as looks from './life_cycle_looks.ts';
import {
  DAY_SECONDS,
  LIMITS_OF_MODEL,
  LifeCycleModel,
  type ModelPolicy,
  type VersionChoice,
} from './life_cycle_model.ts';
import * as steps from './life_cycle_steps.ts';
import {
  type ImportableKey,
  type LifeCycleSystem,
  type NewAttributes,
  type Step,
  StepCommand,
  StepTally,
} from './life_cycle_steps.ts';

const MOST_STEPS = 100;

let token: TestToken;
let pool: HsmPool;

test.before(async () => {
  token = await openTestToken();
  pool = await token.openPool();
});

/** The store goes from one sequence to the next, which finds it empty, and with it every engine has to do. A failure leaves it behind. */
class TestSystem implements LifeCycleSystem {
  readonly #storePath: string;
  #model = new LifeCycleModel({ retentionDays: 90, purgeProtection: false });
  #store: SqliteStore | undefined;
  #engine: KeyEngine | undefined;

  constructor(storePath: string) {
    this.#storePath = storePath;
  }

  get engine(): KeyEngine {
    if (this.#engine === undefined) throw new TypeError('The engine is not open.');
    return this.#engine;
  }

  /** An engine with the settings and the clock of the model. */
  async begin(model: LifeCycleModel): Promise<void> {
    this.#model = model;
    await this.reopen('engine');
  }

  async reopen(what: 'engine' | 'store'): Promise<void> {
    await this.#engine?.close();
    if (what === 'store') await this.#closeStore();
    this.#store ??= await SqliteStore.open(this.#storePath);
    const { retentionDays, purgeProtection } = this.#model;
    this.#engine = await KeyEngine.open({
      pool,
      store: this.#store,
      recovery: { retentionDays, purgeProtection },
      limits: LIMITS_OF_MODEL,
      clock: () => this.#model.now * 1000,
      syncToken: () => syncSoftHsmTokens(token.tokenDirectory),
    });
  }

  async close(): Promise<void> {
    await this.#engine?.close();
    await this.#closeStore();
  }

  /** Purges every key, and waits for that until purging is allowed. */
  async clear(): Promise<void> {
    const { engine } = this;
    for (const name of this.#model.names('active')) await engine.deleteKey(name);
    this.#model.now += (this.#model.retentionDays + 1) * DAY_SECONDS;
    for (const name of this.#model.keys.keys()) await engine.purgeKey(name);
  }

  async #closeStore(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }
}

/** Most happens to one key, so that a lot happens to it; and there is one name more than the pool holds keys. */
const name = fc.oneof(
  { arbitrary: fc.constant('orders'), weight: 5 },
  { arbitrary: fc.constantFrom('invoices', 'Zeta-9', 'a'), weight: 3 },
);
const version: fc.Arbitrary<VersionChoice> = fc.oneof(
  { arbitrary: fc.constant<VersionChoice>('newest'), weight: 4 },
  { arbitrary: fc.nat(3), weight: 4 },
  { arbitrary: fc.constantFrom<VersionChoice>('purged', 'unknown'), weight: 1 },
);
const spec: fc.Arbitrary<KeySpec> = fc.oneof(
  fc.constantFrom(...CURVES).map((curve): KeySpec => ({ keyType: 'EC-HSM', curve })),
  fc.constantFrom(128, 192, 256).map((size): KeySpec => ({ keyType: 'oct-HSM', size: size as 128 })),
);
const SETS: readonly (readonly KeyOperation[])[] = [['sign', 'verify'], ['verify'], ['sign'], []];
const SYMMETRIC_SETS: readonly (readonly KeyOperation[])[] = [
  ['encrypt', 'decrypt'],
  ['encrypt'],
  ['wrapKey', 'unwrapKey'],
];
const operationsOf = ({ keyType }: KeySpec) =>
  fc.option(fc.constantFrom(...SETS, ...(keyType === 'EC-HSM' ? [] : SYMMETRIC_SETS)), { nil: undefined, freq: 2 });
const tags = fc.option(
  fc.dictionary(fc.constantFrom('owner', 'ü', '__proto__'), fc.string({ unit: 'binary', maxLength: 5 }), {
    maxKeys: 2,
    noNullPrototype: true,
  }),
  {
    nil: undefined,
  },
);
const custody = fc.oneof(
  { arbitrary: fc.constant(undefined), weight: 5 },
  { arbitrary: fc.constantFrom('resident' as const, 'wrapped' as const), weight: 1 },
);
const enabled = fc.option(fc.boolean(), { nil: undefined });
const attributesOf = (ofSpec: KeySpec): fc.Arbitrary<NewAttributes> =>
  fc.record({ operations: operationsOf(ofSpec), enabled: enabled.map((value) => value ?? true), tags, custody });
/** Around the leeway of five minutes, and far from it. */
const dates = fc.oneof(
  { arbitrary: fc.constant({}), weight: 2 },
  {
    arbitrary: fc.record({
      notBefore: fc.option(fc.constantFrom(-DAY_SECONDS, 0, 300, 301, 10 * DAY_SECONDS), { nil: undefined }),
      expires: fc.option(fc.constantFrom(-300, -299, 1_000, 40 * DAY_SECONDS), { nil: undefined }),
    }),
    weight: 2,
  },
);
const policy = fc.oneof(
  {
    arbitrary: fc.constantFrom<ModelPolicy>(
      { afterDays: 30 },
      { afterDays: 28, validDays: 90 },
      { beforeDays: 30, validDays: 90 },
      { afterDays: 70, beforeDays: 30, validDays: 90 },
      { afterDays: 40, notifyDays: 30 },
    ),
    weight: 4,
  },
  { arbitrary: fc.constantFrom<ModelPolicy>({}, { notifyDays: 30, validDays: 90 }, { validDays: 28 }), weight: 1 },
  {
    arbitrary: fc.constantFrom<ModelPolicy>({ afterDays: 27 }, { beforeDays: 30 }, { beforeDays: 63, validDays: 90 }),
    weight: 1,
  },
);

/** Made once: an RSA key takes node:crypto longer than all the rest of a sequence. */
const IMPORTABLE: readonly ImportableKey[] = [
  ...CURVES.map(
    (curve): ImportableKey => ({ spec: { keyType: 'EC-HSM', curve }, material: materialOfPair(nodeEcPair(curve)) }),
  ),
  ...([128, 256] as const).map(
    (size): ImportableKey => ({
      spec: { keyType: 'oct-HSM', size },
      material: materialOf(createSecretKey(randomBytes(size / 8)).export({ format: 'jwk' })),
    }),
  ),
  { spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 }, material: materialOfPair(nodeRsaPair(2048)) },
];

const importable = fc.constantFrom(...IMPORTABLE).chain((key) => {
  const forImport = key.spec.keyType === 'RSA-HSM' ? [['import' as const]] : [];
  const operations = fc.oneof(operationsOf(key.spec), fc.constantFrom(undefined, ...forImport));
  return fc.record({ key: fc.constant(key), attributes: fc.record({ operations, tags, custody }) });
});

const changes = fc.record({
  operations: fc.option(fc.constantFrom(...SETS, ...SYMMETRIC_SETS), { nil: undefined }),
  enabled,
  tags,
});

const elapsed = fc.oneof(
  fc.integer({ min: 1, max: 700 }),
  fc.integer({ min: 1, max: 100 }).map((days) => days * DAY_SECONDS),
);

const create = fc
  .tuple(name, spec, dates)
  .chain(([ofName, ofSpec, ofDates]) =>
    attributesOf(ofSpec).map((attributes) => steps.createStep(ofName, ofSpec, attributes, ofDates)),
  );
const bringIn = fc
  .tuple(name, importable)
  .map(([ofName, { key, attributes }]) => steps.importStep(ofName, key, attributes));
const update = fc.tuple(name, version, changes, dates).map((parts) => steps.updateStep(...parts));
const use = fc.tuple(name, version).map((parts) => looks.useStep(...parts));
const page = fc.integer({ min: 1, max: 4 });
const spoilt = fc.integer({ min: 0, max: 4 }).map((die) => die === 0);

const tally = new StepTally();

const insists = fc.integer({ min: 0, max: 6 }).map((die) => die === 0);

type Command = fc.AsyncCommand<LifeCycleModel, LifeCycleSystem>;
const command = <Result>(arbitrary: fc.Arbitrary<Step<Result>>): fc.Arbitrary<Command> =>
  fc.tuple(arbitrary, insists).map(([step, insist]) => new StepCommand(step, insist, tally));

/** Each kind of step, and how often it comes beside the others. */
const COMMANDS: readonly (readonly [times: number, arbitrary: fc.Arbitrary<Command>])[] = [
  [3, command(create)],
  [1, command(bringIn)],
  [2, command(update)],
  [3, command(use)],
  [1, command(fc.tuple(name, version).map((parts) => steps.getStep(...parts)))],
  [2, command(name.map(steps.deleteStep))],
  [1, command(name.map(steps.getDeletedStep))],
  [2, command(name.map(steps.recoverStep))],
  [3, command(name.map(steps.purgeStep))],
  [3, command(name.map(steps.rotateStep))],
  [2, command(fc.tuple(name, policy).map((parts) => steps.setPolicyStep(...parts)))],
  [1, command(name.map(steps.getPolicyStep))],
  [2, command(name.map(steps.backupStep))],
  [3, command(fc.tuple(fc.nat(1_000), spoilt).map((parts) => steps.restoreStep(...parts)))],
  [1, command(page.map(looks.listStep))],
  [1, command(page.map(looks.listDeletedStep))],
  [1, command(fc.tuple(name, page).map((parts) => looks.listVersionsStep(...parts)))],
  [2, command(elapsed.map(looks.passTimeStep))],
  [2, command(fc.constant(0).map(looks.keepHouseStep))],
  [1, command(fc.constantFrom('engine' as const, 'engine' as const, 'store' as const).map(looks.reopenStep))],
];

const recovery = fc.record({ retentionDays: fc.constantFrom(90, 7), purgeProtection: fc.boolean() });

let system: TestSystem | undefined;
let stores = 0;

async function runSequence(
  settings: { readonly retentionDays: number; readonly purgeProtection: boolean },
  commands: Iterable<Command>,
): Promise<void> {
  const objectsBefore = await countObjects(pool, { CKA_TOKEN: true });
  const model = new LifeCycleModel(settings);
  const real = system ?? new TestSystem(join(token.directory, `life-cycle-${++stores}.db`));
  system = undefined;
  try {
    await real.begin(model);
    await fc.asyncModelRun(async () => ({ model, real }), commands);
    // An engine that has nothing of this in its memory sees the same.
    await real.reopen('engine');
    await looks.lookAtEverything(model, real);
    await real.clear();
    await looks.lookAtEverything(new LifeCycleModel(settings), real);
    const objects = await countObjects(pool, { CKA_TOKEN: true });
    if (objects.join() !== objectsBefore.join()) {
      throw new Error(`The token has ${objects} objects when every key is purged, and had ${objectsBefore} before`);
    }
  } catch (error) {
    await real.close();
    throw error;
  }
  system = real;
}

test.after.always(async () => {
  await system?.close();
  await token?.close();
});

campaign('key_life_cycle', async (t, run) => {
  const { STRONGROOM_PATH: path, STRONGROOM_REPLAY: replayPath } = process.env;
  const { seed, count } = run;
  const commands = fc.commands(
    COMMANDS.flatMap(([times, arbitrary]) => Array<fc.Arbitrary<Command>>(times).fill(arbitrary)),
    { maxCommands: MOST_STEPS, size: 'max', ...(replayPath !== undefined && { replayPath }) },
  );
  const property = fc.asyncProperty(recovery, commands, runSequence);
  const outcome = await fc.check(property, { seed, numRuns: count, ...(path !== undefined && { path }) });
  t.log(`done/refused: ${tally}`);
  run.done = outcome.numRuns;
  if (!outcome.failed) return;
  const report = (await fc.asyncDefaultReportMessage(outcome)) ?? '';
  run.repeatWith({
    STRONGROOM_PATH: outcome.counterexamplePath ?? undefined,
    STRONGROOM_REPLAY: /replayPath="([^"]*)"/.exec(report)?.[1],
  });
  const { errorInstance: error } = outcome;
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  run.fail(`${report}\n\n${reason}`);
});
