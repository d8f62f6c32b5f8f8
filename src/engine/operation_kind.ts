import type { AlgorithmName } from '../model/algorithm.ts';
import type { EngineParts } from './engine_parts.ts';
import type { KeyTask } from './key_task.ts';
import type { LoadedKey } from './loaded_key.ts';
import type { CryptographicOperation, OperationPlan } from './operation_plan.ts';
import type { KeyReference, OperationOptions } from './requests.ts';

export interface KeyOperationRequest extends OperationOptions {
  readonly key: KeyReference;
  readonly algorithm: AlgorithmName;
}

/** One operation of the engine: what its plans are for, and how a request becomes a task. */
export interface OperationKind<Request extends KeyOperationRequest, Result> {
  readonly operation: CryptographicOperation;
  /** @throws StrongroomError `BadParameter`, or whatever else the request itself is refused with */
  task(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: Request): KeyTask<Result>;
}
