import type { EngineParts } from '../engine_parts.ts';
import { requireBytes } from '../input_bounds.ts';
import { KeyTask } from '../key_task.ts';
import type { LoadedKey } from '../loaded_key.ts';
import type { OperationKind } from '../operation_kind.ts';
import type { OperationPlan } from '../operation_plan.ts';
import type { WrapKeyRequest, WrapKeyResult } from '../requests.ts';

class WrapKeyTask extends KeyTask<WrapKeyResult> {
  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: WrapKeyRequest) {
    super(parts, key, plan, request);
    requireBytes('value', plan.input, request.value);
    this.request.input = request.value;
    this.request.capacity = request.value.length + plan.overheadBytes;
  }

  protected result(value: Uint8Array): WrapKeyResult {
    return { name: this.key.record.name, version: this.key.record.version, value };
  }
}

export const WRAP_KEY: OperationKind<WrapKeyRequest, WrapKeyResult> = {
  operation: 'wrapKey',
  task: (parts, key, plan, request) => new WrapKeyTask(parts, key, plan, request),
};
