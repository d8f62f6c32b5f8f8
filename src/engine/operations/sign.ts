import { digestInfo } from '../../pkcs11/signature_format.ts';
import type { Completion, HsmHost } from '../../pool/hsm_host.ts';
import type { EngineParts } from '../engine_parts.ts';
import { requireBytes } from '../input_bounds.ts';
import { KeyTask } from '../key_task.ts';
import type { LoadedKey } from '../loaded_key.ts';
import type { OperationKind } from '../operation_kind.ts';
import type { OperationPlan } from '../operation_plan.ts';
import type { SignRequest, SignResult } from '../requests.ts';

class SignTask extends KeyTask<SignResult> {
  readonly #signed: Uint8Array;

  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: SignRequest) {
    super(parts, key, plan, request);
    const { digest } = request;
    const signed = signedBytes(plan, digest);
    // What is verified later must be what was signed, whatever the caller has done with his bytes meanwhile.
    this.#signed = signed === digest && plan.signatureScheme !== undefined ? new Uint8Array(digest) : signed;
    this.request.input = this.#signed;
    this.request.capacity = plan.signatureBytes;
  }

  override check({ answer }: Completion, host: HsmHost): true | Promise<boolean> {
    const { signatureScheme: scheme } = this.plan;
    const { publicKey } = this.key.record;
    const { signatureCheck } = this.parts.pool;
    if (scheme === undefined || this.ended || publicKey.keyType === 'oct-HSM') return true;
    return signatureCheck.isDue(publicKey, host)
      ? signatureCheck.isRight(publicKey, scheme, this.#signed, answer)
      : true;
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
