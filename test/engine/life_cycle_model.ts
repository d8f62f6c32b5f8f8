import type { KeyObject } from 'node:crypto';
import type { KeyVersion } from '../../src/engine/requests.ts';
import type { ErrorCode } from '../../src/model/errors.ts';
import type { KeyDeletion } from '../../src/store/store.ts';

/*
 * What keys are to be like, kept in memory: written from the rules of the API and not from the engine's code, so that the two can differ.
 */

export const DAY_SECONDS = 86_400;
const LEEWAY_SECONDS = 300;
export const LIMITS_OF_MODEL = { keys: 3, versionsPerKey: 4 } as const;

export interface ModelVersion {
  view: KeyVersion;
  /** Of an imported symmetric key. */
  readonly secret: KeyObject | undefined;
}

/** A rotation policy in days. */
export interface ModelPolicy {
  readonly afterDays?: number | undefined;
  readonly beforeDays?: number | undefined;
  readonly notifyDays?: number | undefined;
  readonly validDays?: number | undefined;
}

export interface ModelKey {
  /** In the order in which they were made: the last is the newest. */
  readonly versions: ModelVersion[];
  deletion: KeyDeletion | undefined;
  policy: ModelPolicy | undefined;
  policyCreated: number;
  policyUpdated: number;
}

export interface ModelBackup {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly key: ModelKey;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly innerCode?: string | undefined;
}

const NOT_FOUND: Refusal = { code: 'KeyNotFound' };
const DELETED: Refusal = { code: 'Conflict', innerCode: 'ObjectIsDeletedButRecoverable' };
const forbidden = (innerCode: string): Refusal => ({ code: 'Forbidden', innerCode });

/** Which version a step means: the newest, one by its place, one that was purged, or one that never was. */
export type VersionChoice = 'newest' | 'purged' | 'unknown' | number;

const UNKNOWN_VERSION = '0123456789abcdef0123456789abcdef';

export class LifeCycleModel {
  /** Unix seconds. The engine goes by it too. */
  now = 1_800_000_000;
  readonly retentionDays: number;
  readonly purgeProtection: boolean;
  readonly keys = new Map<string, ModelKey>();
  readonly backups: ModelBackup[] = [];
  readonly #purged: string[] = [];
  #houseFailures = new Map<string, { readonly times: number; readonly retryAt: number }>();

  constructor(recovery: { readonly retentionDays: number; readonly purgeProtection: boolean }) {
    this.retentionDays = recovery.retentionDays;
    this.purgeProtection = recovery.purgeProtection;
  }

  /** What every view of a key says of its recovery. */
  get recoveryMembers(): Pick<KeyVersion, 'recoverableDays' | 'recoveryLevel'> {
    const level = this.retentionDays === 90 ? 'Recoverable' : 'CustomizedRecoverable';
    const recoveryLevel = this.purgeProtection ? level : `${level}+Purgeable`;
    return { recoverableDays: this.retentionDays, recoveryLevel };
  }

  active(name: string): ModelKey | undefined {
    const key = this.keys.get(name);
    return key?.deletion === undefined ? key : undefined;
  }

  names(kind: 'active' | 'deleted'): string[] {
    const names = [...this.keys].filter(([, { deletion }]) => (deletion === undefined) === (kind === 'active'));
    return names.map(([name]) => name).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  }

  /** The id to ask for; undefined for the newest. */
  versionId(name: string, choice: VersionChoice): string | undefined {
    if (choice === 'newest') return undefined;
    if (choice === 'unknown') return UNKNOWN_VERSION;
    if (choice === 'purged') return this.#purged.at(-1) ?? UNKNOWN_VERSION;
    const versions = this.keys.get(name)?.versions ?? [];
    return versions[choice % Math.max(1, versions.length)]?.view.version ?? UNKNOWN_VERSION;
  }

  /** Of an active key. */
  find(name: string, choice: VersionChoice): ModelVersion | undefined {
    const versions = this.active(name)?.versions ?? [];
    const id = this.versionId(name, choice);
    return id === undefined ? versions.at(-1) : versions.find(({ view }) => view.version === id);
  }

  refusalToFind(name: string, choice: VersionChoice = 'newest'): Refusal | undefined {
    return this.find(name, choice) === undefined ? NOT_FOUND : undefined;
  }

  refusalToFindDeleted(name: string): Refusal | undefined {
    return this.keys.get(name)?.deletion === undefined ? NOT_FOUND : undefined;
  }

  refusalToAdd(name: string): Refusal | undefined {
    const key = this.keys.get(name);
    if (key === undefined) {
      const full = this.keys.size >= LIMITS_OF_MODEL.keys;
      return full ? { code: 'BadParameter', innerCode: 'KeyLimitReached' } : undefined;
    }
    if (key.deletion !== undefined) return DELETED;
    const full = key.versions.length >= LIMITS_OF_MODEL.versionsPerKey;
    return full ? { code: 'BadParameter', innerCode: 'KeyVersionLimitReached' } : undefined;
  }

  refusalToUse(name: string, choice: VersionChoice, operation: 'sign' | 'encrypt'): Refusal | undefined {
    const found = this.find(name, choice);
    if (found === undefined) return NOT_FOUND;
    const { enabled, operations, notBefore, expires, spec } = found.view;
    if (!enabled) return forbidden('KeyDisabled');
    if (!operations.includes(operation)) return forbidden('KeyOperationForbidden');
    // HMAC takes a key that is as long as its digest.
    if (operation === 'sign' && spec.keyType === 'oct-HSM' && spec.size < 256) return { code: 'BadParameter' };
    if (notBefore !== undefined && this.now < notBefore - LEEWAY_SECONDS) return forbidden('KeyNotYetValid');
    if (expires !== undefined && this.now >= expires + LEEWAY_SECONDS) return forbidden('KeyExpired');
    return undefined;
  }

  refusalToRotate(name: string): Refusal | undefined {
    const newest = this.find(name, 'newest');
    if (newest === undefined) return NOT_FOUND;
    if (this.keys.get(name)?.policy === undefined)
      return { code: 'BadParameter', innerCode: 'KeyRotationPolicyNotSet' };
    if (newest.view.operations.includes('import')) return forbidden('KeyOperationForbidden');
    if (!newest.view.enabled) return forbidden('KeyDisabled');
    return this.refusalToAdd(name);
  }

  refusalToSetPolicy(name: string, policy: ModelPolicy): Refusal | undefined {
    const { afterDays, beforeDays, notifyDays, validDays } = policy;
    const wrong: Refusal = { code: 'BadParameter' };
    if (validDays !== undefined && validDays < 28) return wrong;
    if (afterDays !== undefined && afterDays < 28) return wrong;
    if (beforeDays !== undefined && (validDays === undefined || beforeDays > validDays - 28)) return wrong;
    if (notifyDays !== undefined && validDays !== undefined && notifyDays > validDays) return wrong;
    const newest = this.find(name, 'newest');
    if (newest === undefined) return NOT_FOUND;
    const rotates = afterDays !== undefined || beforeDays !== undefined;
    return rotates && newest.view.operations.includes('import') ? forbidden('KeyOperationForbidden') : undefined;
  }

  refusalToPurge(name: string): Refusal | undefined {
    const key = this.keys.get(name);
    if (key?.deletion === undefined) return NOT_FOUND;
    const tooEarly = this.purgeProtection && this.now < key.deletion.scheduledPurge;
    return tooEarly ? { code: 'Forbidden' } : undefined;
  }

  refusalToBackup(name: string): Refusal | undefined {
    const key = this.active(name);
    if (key === undefined) return NOT_FOUND;
    const resident = key.versions.some(({ view }) => view.custody === 'resident');
    return resident ? { code: 'NotSupported' } : undefined;
  }

  refusalToRestore(name: string): Refusal | undefined {
    const key = this.keys.get(name);
    if (key === undefined) return this.refusalToAdd(name);
    return key.deletion === undefined ? { code: 'Conflict' } : DELETED;
  }

  add(view: KeyVersion, secret?: KeyObject): void {
    const { name } = view;
    let key = this.keys.get(name);
    if (key === undefined) {
      key = { versions: [], deletion: undefined, policy: undefined, policyCreated: 0, policyUpdated: 0 };
      this.keys.set(name, key);
    }
    key.versions.push({ view, secret });
  }

  /** The view of the version that rotation is to make, but for what the HSM alone can know. */
  successor(name: string): Omit<KeyVersion, 'version' | 'publicKey'> {
    const key = this.keys.get(name);
    const newest = key?.versions.at(-1)?.view;
    if (key === undefined || newest === undefined) throw new TypeError(`There is no key ${name}.`);
    const { version: _version, publicKey: _publicKey, ...view } = newest;
    const { validDays } = key.policy ?? {};
    const expires = validDays === undefined ? undefined : this.now + validDays * DAY_SECONDS;
    return { ...view, enabled: true, notBefore: undefined, expires, created: this.now, updated: this.now };
  }

  remove(name: string): void {
    this.#purged.push(...(this.keys.get(name)?.versions ?? []).map(({ view }) => view.version));
    this.keys.delete(name);
  }

  /** What one round of house-keeping is to do. */
  keepHouse(): { readonly rotated: string[]; readonly purged: string[]; readonly failed: string[] } {
    const round = { rotated: [] as string[], purged: [] as string[], failed: [] as string[] };
    const failures = new Map<string, { times: number; retryAt: number }>();
    for (const name of [...this.names('active'), ...this.names('deleted')]) {
      const { deletion } = this.keys.get(name) as ModelKey;
      if (deletion !== undefined) {
        if (deletion.scheduledPurge <= this.now) round.purged.push(name);
      } else if ((this.#rotationDue(name) ?? Number.POSITIVE_INFINITY) <= this.now) {
        const failure = this.#houseFailures.get(name);
        if (failure !== undefined && failure.retryAt > this.now) failures.set(name, failure);
        else if (this.refusalToRotate(name) === undefined) round.rotated.push(name);
        else {
          round.failed.push(name);
          const times = (failure?.times ?? 0) + 1;
          failures.set(name, { times, retryAt: this.now + Math.min(60 * 2 ** (times - 1), 6 * 3_600) });
        }
      }
    }
    this.#houseFailures = failures;
    return round;
  }

  /** An engine remembers what has failed no longer than it lives. */
  forgetFailures(): void {
    this.#houseFailures.clear();
  }

  #rotationDue(name: string): number | undefined {
    const { policy, versions } = this.keys.get(name) as ModelKey;
    const newest = versions.at(-1)?.view;
    if (policy === undefined || newest === undefined || !newest.enabled) return undefined;
    const times: number[] = [];
    if (policy.afterDays !== undefined) times.push(newest.created + policy.afterDays * DAY_SECONDS);
    if (policy.beforeDays !== undefined && newest.expires !== undefined) {
      times.push(newest.expires - policy.beforeDays * DAY_SECONDS);
    }
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

/** As it is now, and not as it will be. */
export function copyOfKey(key: ModelKey): ModelKey {
  return { ...key, versions: key.versions.map((version) => ({ ...version })) };
}
