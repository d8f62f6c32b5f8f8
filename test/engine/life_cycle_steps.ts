import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import type { AsyncCommand } from 'fast-check';
import type { KeyEngine } from '../../src/engine/key_engine.ts';
import type { DeletedKey, KeyVersion, NewKeyAttributes, UpdateKeyRequest } from '../../src/engine/requests.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { KeyMaterial, KeySpec } from '../../src/model/key.ts';
import { DEFAULT_KEY_OPERATIONS } from '../../src/model/key_operation.ts';
import type { LifetimeAction, RotationPolicy } from '../../src/model/rotation_policy.ts';
import {
  copyOfKey,
  DAY_SECONDS,
  type LifeCycleModel,
  type ModelKey,
  type ModelPolicy,
  type ModelVersion,
  type Refusal,
  type VersionChoice,
} from './life_cycle_model.ts';

/** The engine under test. */
export interface LifeCycleSystem {
  readonly engine: KeyEngine;
  /** A new engine over the same store and token, which remembers nothing; or over the same file, opened anew. */
  reopen(what: 'engine' | 'store'): Promise<void>;
}

/** One thing that is done to engine and model alike. */
export interface Step<Result> {
  readonly text: string;
  /** What the engine is to answer with in place of a result. */
  refusal(model: LifeCycleModel): Refusal | undefined;
  perform(system: LifeCycleSystem, model: LifeCycleModel): Promise<Result>;
  /** Holds the result against the model, and brings the model up to it. May ask the engine for more. */
  settle(model: LifeCycleModel, result: Result, system: LifeCycleSystem): void | Promise<void>;
}

/** How often each kind of step was done, and how often it was refused as it had to be. */
export class StepTally {
  readonly done = new Map<string, number>();
  readonly refused = new Map<string, number>();

  count(counts: Map<string, number>, { text }: Pick<Step<unknown>, 'text'>): void {
    const kind = text.slice(0, text.indexOf('('));
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }

  toString(): string {
    const kinds = [...new Set([...this.done.keys(), ...this.refused.keys()])].sort();
    return kinds.map((kind) => `${kind} ${this.done.get(kind) ?? 0}/${this.refused.get(kind) ?? 0}`).join(', ');
  }
}

/** A step as fast-check takes it. */
export class StepCommand<Result> implements AsyncCommand<LifeCycleModel, LifeCycleSystem> {
  readonly #step: Step<Result>;
  /** It is taken even when it is to be refused. */
  readonly #insists: boolean;
  readonly #tally: StepTally;

  constructor(step: Step<Result>, insists: boolean, tally: StepTally) {
    this.#step = step;
    this.#insists = insists;
    this.#tally = tally;
  }

  /** Refusals are part of the life of keys, but if they were most of it, keys would not get far. */
  check(model: Readonly<LifeCycleModel>): boolean {
    return this.#insists || this.#step.refusal(model as LifeCycleModel) === undefined;
  }

  async run(model: LifeCycleModel, system: LifeCycleSystem): Promise<void> {
    const expected = this.#step.refusal(model);
    let result: Result;
    try {
      result = await this.#step.perform(system, model);
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw error;
      const received = { code: error.code, innerCode: error.innerCode };
      assert.deepEqual(
        received,
        expected && { innerCode: undefined, ...expected },
        `${this} was refused: ${error.message}`,
      );
      this.#tally.count(this.#tally.refused, this.#step);
      return;
    }
    assert.equal(expected, undefined, `${this} was not refused`);
    await this.#step.settle(model, result, system);
    this.#tally.count(this.#tally.done, this.#step);
  }

  toString(): string {
    return this.#step.text;
  }
}

const told = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (each instanceof Uint8Array ? each.length : each));

export type NewAttributes = Omit<NewKeyAttributes, 'releasePolicy'>;

/** Dates in seconds from now. */
export interface RelativeDates {
  readonly notBefore?: number | undefined;
  readonly expires?: number | undefined;
}

const at = (model: LifeCycleModel, seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : model.now + seconds;

const contradict = ({ notBefore, expires }: RelativeDates): boolean =>
  notBefore !== undefined && expires !== undefined && expires <= notBefore;

function expectedVersion(
  model: LifeCycleModel,
  name: string,
  spec: KeySpec,
  attributes: NewAttributes,
  dates: RelativeDates,
) {
  return {
    name,
    spec,
    custody: attributes.custody ?? 'wrapped',
    operations: attributes.operations ?? DEFAULT_KEY_OPERATIONS[spec.keyType],
    enabled: attributes.enabled ?? true,
    notBefore: at(model, dates.notBefore),
    expires: at(model, dates.expires),
    created: model.now,
    updated: model.now,
    exportable: false,
    releasePolicy: undefined,
    tags: attributes.tags ?? {},
    ...model.recoveryMembers,
  };
}

export function addVersion(
  model: LifeCycleModel,
  made: KeyVersion,
  expected: Omit<KeyVersion, 'version' | 'publicKey'>,
  secret?: Uint8Array,
): void {
  const { version, publicKey } = made;
  assert.match(version, /^[0-9a-f]{32}$/);
  const known = [...model.keys.values()].flatMap(({ versions }) => versions.map(({ view }) => view.version));
  assert.ok(!known.includes(version), 'the id of the version is new');
  assert.deepEqual(made, { ...expected, version, publicKey });
  model.add(made, secret === undefined ? undefined : createSecretKey(secret));
}

export function createStep(
  name: string,
  spec: KeySpec,
  attributes: NewAttributes,
  dates: RelativeDates,
): Step<KeyVersion> {
  return {
    text: `create(${name}, ${told({ ...spec, ...attributes, ...dates })})`,
    refusal: (model) => (contradict(dates) ? { code: 'BadParameter' } : model.refusalToAdd(name)),
    perform: ({ engine }, model) => {
      const { notBefore, expires } = dates;
      return engine.createKey({
        name,
        spec,
        ...attributes,
        notBefore: at(model, notBefore),
        expires: at(model, expires),
      });
    },
    settle: (model, made) => addVersion(model, made, expectedVersion(model, name, spec, attributes, dates)),
  };
}

/** A key that the test has in its hands. The engine overwrites what it is given, so it is given a copy. */
export interface ImportableKey {
  readonly spec: KeySpec;
  readonly material: KeyMaterial;
}

export function importStep(name: string, key: ImportableKey, attributes: NewAttributes): Step<KeyVersion> {
  return {
    text: `import(${name}, ${told({ ...key.spec, ...attributes })})`,
    refusal: (model) => model.refusalToAdd(name),
    perform: ({ engine }) => engine.importKey({ name, material: structuredClone(key.material), ...attributes }),
    settle: (model, made) => {
      const { material } = key;
      const secret = material.keyType === 'oct-HSM' ? material.value : undefined;
      if (material.keyType === 'EC-HSM') assert.deepEqual(made.publicKey, publicHalf(material));
      addVersion(model, made, expectedVersion(model, name, key.spec, attributes, {}), secret);
    },
  };
}

function publicHalf({ keyType, curve, x, y }: Extract<KeyMaterial, { keyType: 'EC-HSM' }>) {
  return { keyType, curve, x, y };
}

export function getStep(name: string, choice: VersionChoice): Step<KeyVersion> {
  return {
    text: `get(${name}, ${choice})`,
    refusal: (model) => model.refusalToFind(name, choice),
    perform: ({ engine }, model) => engine.getKey({ name, version: model.versionId(name, choice) }),
    settle: (model, found) => assert.deepEqual(found, model.find(name, choice)?.view),
  };
}

export type Changes = Omit<UpdateKeyRequest, 'key' | 'releasePolicy' | 'notBefore' | 'expires'>;

export function updateStep(
  name: string,
  choice: VersionChoice,
  changes: Changes,
  dates: RelativeDates,
): Step<KeyVersion> {
  const changed = (model: LifeCycleModel, { view }: ModelVersion): KeyVersion => ({
    ...view,
    operations: changes.operations ?? view.operations,
    enabled: changes.enabled ?? view.enabled,
    tags: changes.tags ?? view.tags,
    notBefore: at(model, dates.notBefore) ?? view.notBefore,
    expires: at(model, dates.expires) ?? view.expires,
    updated: model.now,
  });
  return {
    text: `update(${name}, ${choice}, ${told({ ...changes, ...dates })})`,
    refusal: (model) => {
      const found = model.find(name, choice);
      if (found === undefined) return { code: 'KeyNotFound' };
      const { operations } = changes;
      const after = changed(model, found);
      const possible = found.view.spec.keyType === 'EC-HSM' ? ['sign', 'verify'] : [...SYMMETRIC_OPERATIONS];
      const impossible = operations?.some((operation) => !possible.includes(operation)) === true;
      const wasForImport = found.view.operations.includes('import');
      // A key that was made to bring others in does nothing else ever.
      if (impossible || (operations !== undefined && wasForImport)) return { code: 'BadParameter' };
      const setsDates = dates.notBefore !== undefined || dates.expires !== undefined;
      return setsDates && contradict(after) ? { code: 'BadParameter' } : undefined;
    },
    perform: ({ engine }, model) => {
      const key = { name, version: model.versionId(name, choice) };
      const { notBefore, expires } = dates;
      return engine.updateKey({ key, ...changes, notBefore: at(model, notBefore), expires: at(model, expires) });
    },
    settle: (model, updated) => {
      const found = model.find(name, choice) as ModelVersion;
      found.view = changed(model, found);
      assert.deepEqual(updated, found.view);
    },
  };
}

const SYMMETRIC_OPERATIONS = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'] as const;

export function viewOfDeleted(model: LifeCycleModel, name: string): DeletedKey {
  const { versions, deletion } = model.keys.get(name) as ModelKey;
  return { ...(versions.at(-1) as ModelVersion).view, deletion: deletion as DeletedKey['deletion'] };
}

export function deleteStep(name: string): Step<DeletedKey> {
  return {
    text: `delete(${name})`,
    refusal: (model) => model.refusalToFind(name),
    perform: ({ engine }) => engine.deleteKey(name),
    settle: (model, deleted) => {
      const scheduledPurge = model.now + model.retentionDays * DAY_SECONDS;
      (model.keys.get(name) as ModelKey).deletion = { deleted: model.now, scheduledPurge };
      assert.deepEqual(deleted, viewOfDeleted(model, name));
    },
  };
}

export function getDeletedStep(name: string): Step<DeletedKey> {
  return {
    text: `getDeleted(${name})`,
    refusal: (model) => model.refusalToFindDeleted(name),
    perform: ({ engine }) => engine.getDeletedKey(name),
    settle: (model, deleted) => assert.deepEqual(deleted, viewOfDeleted(model, name)),
  };
}

export function recoverStep(name: string): Step<KeyVersion> {
  return {
    text: `recover(${name})`,
    refusal: (model) => model.refusalToFindDeleted(name),
    perform: ({ engine }) => engine.recoverKey(name),
    settle: (model, recovered) => {
      (model.keys.get(name) as ModelKey).deletion = undefined;
      assert.deepEqual(recovered, model.find(name, 'newest')?.view);
    },
  };
}

export function purgeStep(name: string): Step<void> {
  return {
    text: `purge(${name})`,
    refusal: (model) => model.refusalToPurge(name),
    perform: ({ engine }) => engine.purgeKey(name),
    settle: (model) => model.remove(name),
  };
}

export function rotateStep(name: string): Step<KeyVersion> {
  return {
    text: `rotate(${name})`,
    refusal: (model) => model.refusalToRotate(name),
    perform: ({ engine }) => engine.rotateKey(name),
    settle: (model, made) => addVersion(model, made, model.successor(name)),
  };
}

function actionsOf({ afterDays, beforeDays, notifyDays }: ModelPolicy): LifetimeAction[] {
  const days = (count: number | undefined): string | undefined => (count === undefined ? undefined : `P${count}D`);
  const actions: LifetimeAction[] = [];
  if (afterDays !== undefined || beforeDays !== undefined) {
    actions.push({ action: 'Rotate', timeAfterCreate: days(afterDays), timeBeforeExpiry: days(beforeDays) });
  }
  if (notifyDays !== undefined) {
    actions.push({ action: 'Notify', timeAfterCreate: undefined, timeBeforeExpiry: days(notifyDays) });
  }
  return actions;
}

function policyView({ policy, policyCreated, policyUpdated }: ModelKey): RotationPolicy | undefined {
  if (policy === undefined) return undefined;
  const expiryTime = policy.validDays === undefined ? undefined : `P${policy.validDays}D`;
  return { lifetimeActions: actionsOf(policy), expiryTime, created: policyCreated, updated: policyUpdated };
}

export function setPolicyStep(name: string, policy: ModelPolicy): Step<RotationPolicy | undefined> {
  const lifetimeActions = actionsOf(policy);
  const expiryTime = policy.validDays === undefined ? undefined : `P${policy.validDays}D`;
  return {
    text: `setRotationPolicy(${name}, ${told(policy)})`,
    refusal: (model) => model.refusalToSetPolicy(name, policy),
    perform: ({ engine }) => engine.setRotationPolicy({ name, lifetimeActions, expiryTime }),
    settle: (model, set) => {
      const key = model.keys.get(name) as ModelKey;
      const isNone = lifetimeActions.length === 0 && expiryTime === undefined;
      if (key.policy === undefined) key.policyCreated = model.now;
      key.policyUpdated = model.now;
      key.policy = isNone ? undefined : policy;
      assert.deepEqual(set, policyView(key));
    },
  };
}

export function getPolicyStep(name: string): Step<RotationPolicy | undefined> {
  return {
    text: `getRotationPolicy(${name})`,
    refusal: (model) => model.refusalToFind(name),
    perform: ({ engine }) => engine.getRotationPolicy(name),
    settle: (model, policy) => assert.deepEqual(policy, policyView(model.keys.get(name) as ModelKey)),
  };
}

export function backupStep(name: string): Step<Uint8Array> {
  return {
    text: `backup(${name})`,
    refusal: (model) => model.refusalToBackup(name),
    perform: ({ engine }) => engine.backupKey(name),
    settle: (model, bytes) => {
      model.backups.push({ name, bytes, key: copyOfKey(model.keys.get(name) as ModelKey) });
    },
  };
}

/** `spoilt`: with one bit of it changed. */
export function restoreStep(place: number, spoilt: boolean): Step<KeyVersion> {
  const chosen = (model: LifeCycleModel) => model.backups[place % Math.max(1, model.backups.length)];
  return {
    text: `restore(${place}${spoilt ? ', spoilt' : ''})`,
    refusal: (model) => {
      const backup = chosen(model);
      return backup === undefined || spoilt ? { code: 'BadParameter' } : model.refusalToRestore(backup.name);
    },
    perform: ({ engine }, model) => {
      const bytes = Uint8Array.from(chosen(model)?.bytes ?? new Uint8Array(200));
      if (spoilt) bytes[place % bytes.length]! ^= 1 << (place % 8);
      return engine.restoreKey(bytes);
    },
    settle: (model, restored) => {
      const { name, key } = chosen(model) as NonNullable<ReturnType<typeof chosen>>;
      model.keys.set(name, copyOfKey(key));
      assert.deepEqual(restored, model.find(name, 'newest')?.view);
    },
  };
}
