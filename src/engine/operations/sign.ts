import { digestInfo } from '../../pkcs11/signature_format.ts';
import type { EngineParts } from '../engine_parts.ts';
import { requireBytes } from '../input_bounds.ts';
import { KeyTask } from '../key_task.ts';
import type { LoadedKey } from '../loaded_key.ts';
import type { OperationKind } from '../operation_kind.ts';
import type { OperationPlan } from '../operation_plan.ts';
import type { SignRequest, SignResult } from '../requests.ts';

class SignTask extends KeyTask<SignResult> {
  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: SignRequest) {
    super(parts, key, plan, request);
    this.request.input = signedBytes(plan, request.digest);
    this.request.capacity = plan.signatureBytes;
  }

  protected result(signature: Uint8Array): SignResult {
    return { name: this.key.record.name, version: this.key.record.version, signature };
  }
}

/** What the token signs for a digest. */
export function signedBytes(plan: OperationPlan, digest: Uint8Array): Uint8Array {
  requireBytes('digest', plan.input, digest);
  return plan.digestInfo === undefined ? digest : digestInfo(plan.digestInfo, digest);
}

export const SIGN: OperationKind<SignRequest, SignResult> = {
  operation: 'sign',
  index: 0,
  task: (parts, key, plan, request) => new SignTask(parts, key, plan, request),
};
