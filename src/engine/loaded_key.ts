import type { AlgorithmName, KeyObjectRole } from '../model/algorithm.ts';
import type { HostToken } from '../pool/hsm_host.ts';
import type { KeyVersionRecord } from '../store/store.ts';
import type { OperationPlan } from './operation_plan.ts';
import type { Recent } from './recency_list.ts';
import { TaskQueue } from './task_queue.ts';

/** A key version whose seal was checked, with what the engine keeps by its side for speed. */
export class LoadedKey implements Recent<LoadedKey> {
  readonly record: KeyVersionRecord;
  /** What its objects are called where an instance of the vendor library holds them. */
  readonly objectNames: Readonly<Record<KeyObjectRole, string>>;
  /** Operations on it that wait. */
  readonly queue = new TaskQueue();
  /** How its operations are done, by operation and then by algorithm, as they were first asked for. */
  readonly plans: Map<AlgorithmName, OperationPlan>[] = [];
  /** The only token that has its private or secret object, once it was looked for; undefined where any will do. */
  home: HostToken | undefined = undefined;
  located: boolean;
  /** AES-GCM encryptions that are reserved in the store and not used yet. */
  encryptionsLeft = 0;
  /** The reservation that is under way. */
  reservation: Promise<void> | undefined;
  older: LoadedKey | undefined = undefined;
  newer: LoadedKey | undefined = undefined;

  constructor(record: KeyVersionRecord) {
    this.record = record;
    this.objectNames = objectNames(record.objectId);
    this.located = record.custody !== 'resident';
  }
}

/** By the CKA_ID that all objects of a key version have. */
export function objectNames(objectId: Uint8Array): Readonly<Record<KeyObjectRole, string>> {
  const id = Buffer.from(objectId).toString('hex');
  return {
    private: `${id} private`,
    public: `${id} public`,
    secret: `${id} secret`,
    genericSecret: `${id} generic secret`,
  };
}
