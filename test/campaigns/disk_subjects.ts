import assert from 'node:assert/strict';
import { type JsonWebKey, randomUUID } from 'node:crypto';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import type { KeyCaller } from '../api/key_caller.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';
import { lookAt, proveUse, settle } from './kill_looks.ts';
import { type Json, KILL_STEPS, type KillStep, type Life } from './kill_steps.ts';

/** Something that one request changes, and that can be looked at afterwards. */
export interface DiskSubject {
  readonly name: string;
  /** Brings it to where the request makes sense, and gives the request. */
  prepare(caller: KeyCaller): Promise<DiskRequest>;
  /**
   * Looks what has become of it, `answer` being that of the request if there was one, and uses it. True where the request was done.
   * @throws AssertionError where it is neither what it was nor what it was to be
   */
  settle(caller: KeyCaller, answer: Json | undefined): Promise<boolean>;
  /** It is what it was when it was last looked at. @throws AssertionError */
  look(caller: KeyCaller): Promise<void>;
}

export type DiskRequest = Pick<KillStep, 'text' | 'method' | 'path' | 'body'>;

export interface SubjectSurroundings {
  readonly random: SeededRandom;
  readonly number: number;
  readonly resident: boolean;
  readonly importable: readonly JsonWebKey[];
}

export const DISK_KEY_PREFIX = 'disk-';

type StepName = keyof typeof KILL_STEPS;

/** A key of its own, and one change of it. */
class KeySubject implements DiskSubject {
  readonly name: string;
  readonly #before: readonly StepName[];
  readonly #change: StepName;
  readonly #around: SubjectSurroundings;
  readonly #macs = new Map<string, string>();
  #life: Life = {};
  #step: KillStep | undefined;

  constructor(around: SubjectSurroundings, before: readonly StepName[], change: StepName) {
    this.name = `${DISK_KEY_PREFIX}${around.number}`;
    this.#around = around;
    this.#before = before;
    this.#change = change;
  }

  async prepare(caller: KeyCaller): Promise<DiskRequest> {
    for (const before of this.#before) {
      const { method, path, body, after } = this.#stepTo(before);
      this.#life = after(this.#life, await caller.ask(method, path, body));
    }
    this.#step = this.#stepTo(this.#change);
    return this.#step;
  }

  async settle(caller: KeyCaller, answer: Json | undefined): Promise<boolean> {
    const step = this.#step;
    if (step !== undefined && answer !== undefined) this.#life = step.after(this.#life, answer);
    const pending = answer === undefined ? step : undefined;
    const { life, done } = settle(this.#life, pending, await lookAt(caller, this.name));
    this.#life = life;
    this.#step = undefined;
    await this.#use(caller);
    return done || answer !== undefined;
  }

  async look(caller: KeyCaller): Promise<void> {
    settle(this.#life, undefined, await lookAt(caller, this.name));
    await this.#use(caller);
  }

  #stepTo(name: StepName): KillStep {
    return KILL_STEPS[name](this.name, this.#life, this.#around);
  }

  async #use(caller: KeyCaller): Promise<void> {
    const { key } = this.#life;
    if (key === undefined || key.deleted !== undefined) return;
    for (const version of key.versions) await proveUse(caller, version, this.#macs);
  }
}

/** A role assignment that is made or removed. */
class RoleSubject implements DiskSubject {
  readonly name: string;
  readonly #path: string;
  readonly #removed: boolean;
  readonly #body = {
    properties: { roleDefinitionId: ROLE, principalId: randomUUID() },
  };
  #is = false;

  constructor({ number }: SubjectSurroundings, removed: boolean) {
    this.name = `role-${number}`;
    this.#path = `/keys/${this.name}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
    this.#removed = removed;
  }

  async prepare(caller: KeyCaller): Promise<DiskRequest> {
    if (this.#removed) {
      await caller.ask('PUT', this.#path, this.#body);
      this.#is = true;
    }
    const text = `${this.#removed ? 'revoke' : 'assign'}(${this.name})`;
    return this.#removed
      ? { text, method: 'DELETE', path: this.#path }
      : { text, method: 'PUT', path: this.#path, body: this.#body };
  }

  async settle(caller: KeyCaller, answer: Json | undefined): Promise<boolean> {
    const is = await this.#find(caller);
    if (answer !== undefined) assert.equal(is, !this.#removed, 'an acknowledged change of a role is not there');
    const done = is !== this.#is;
    this.#is = is;
    return done;
  }

  async look(caller: KeyCaller): Promise<void> {
    assert.equal(await this.#find(caller), this.#is, 'a role assignment is not what it was');
  }

  async #find(caller: KeyCaller): Promise<boolean> {
    const found = await caller.find(this.#path, 'RoleAssignmentNotFound');
    if (found === undefined) return false;
    const { principalId } = found.properties as Json;
    assert.equal(principalId, this.#body.properties.principalId);
    return true;
  }
}

const ROLE = `/providers/Microsoft.Authorization/roleDefinitions/${BUILT_IN_ROLE_IDS.cryptoUser}`;

const key =
  (change: StepName, ...before: readonly StepName[]) =>
  (around: SubjectSurroundings): DiskSubject =>
    new KeySubject(around, before, change);

/** Every kind of change there is on the way of a key, and of who may use it. */
export const DISK_SUBJECTS = {
  create: key('create'),
  'another version': key('create', 'create'),
  import: key('import'),
  rotate: key('rotate', 'create', 'setPolicy'),
  update: key('update', 'create'),
  policy: key('setPolicy', 'create'),
  delete: key('remove', 'create'),
  recover: key('recover', 'create', 'remove'),
  purge: key('purge', 'create', 'remove'),
  assign: (around: SubjectSurroundings): DiskSubject => new RoleSubject(around, false),
  revoke: (around: SubjectSurroundings): DiskSubject => new RoleSubject(around, true),
} as const;

export type DiskSubjectKind = keyof typeof DISK_SUBJECTS;
