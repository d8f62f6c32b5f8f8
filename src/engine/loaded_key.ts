import type { AlgorithmName, KeyObjectRole } from '../model/algorithm.ts';
import type { HostToken } from '../pool/hsm_host.ts';
import type { KeyVersionRecord } from '../store/store.ts';
import type { CryptographicOperation, OperationPlan } from './operation_plan.ts';
import type { Recent } from './recency_list.ts';
import { TaskQueue } from './task_queue.ts';

/** A key version whose seal was checked, with what the engine keeps by its side for speed. Ten thousand are remembered, so each is kept small. */
export class LoadedKey implements Recent<LoadedKey> {
  readonly record: KeyVersionRecord;
  /** Operations on it that wait. */
  readonly queue = new TaskQueue();
  /** The only token that has its private or secret object, once it was looked for; undefined where any will do. */
  home: HostToken | undefined = undefined;
  located: boolean;
  /** AES-GCM encryptions that are reserved in the store and not used yet. */
  encryptionsLeft = 0;
  /** The reservation that is under way. */
  reservation: Promise<void> | undefined;
  older: LoadedKey | undefined = undefined;
  newer: LoadedKey | undefined = undefined;
  /** How its operations are done, as they were first asked for. To look through a few takes less than to look one up in a table. */
  #plans: readonly OperationPlan[] = [];
  /** Of its objects, those that were asked for. */
  readonly #objectNames: Partial<Record<KeyObjectRole, string>> = {};

  constructor(record: KeyVersionRecord) {
    this.record = record;
    this.located = record.custody !== 'resident';
  }

  findPlan(operation: CryptographicOperation, algorithm: AlgorithmName): OperationPlan | undefined {
    for (const plan of this.#plans) {
      if (plan.algorithm.name === algorithm && plan.operation === operation) return plan;
    }
    return undefined;
  }

  addPlan(plan: OperationPlan): void {
    this.#plans = this.#plans.concat(plan);
  }

  /** What this object of it is called where an instance of the vendor library holds it. */
  objectName(role: KeyObjectRole): string {
    let name = this.#objectNames[role];
    if (name === undefined) {
      name = objectName(this.record.objectId, role);
      this.#objectNames[role] = name;
    }
    return name;
  }
}

const LETTERS: Readonly<Record<KeyObjectRole, string>> = { private: 'd', public: 'p', secret: 's', genericSecret: 'g' };

/** By the CKA_ID that all objects of a key version have: a letter, and its bytes as they are, because many names are remembered. */
function objectName(objectId: Uint8Array, role: KeyObjectRole): string {
  return String.fromCharCode(LETTERS[role].charCodeAt(0), ...objectId);
}

export function objectNames(objectId: Uint8Array): readonly string[] {
  return (Object.keys(LETTERS) as KeyObjectRole[]).map((role) => objectName(objectId, role));
}
