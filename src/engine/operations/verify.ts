import { badParameter } from '../../model/errors.ts';
import { reactionTo } from '../../pkcs11/return_value.ts';
import type { Completion } from '../../pool/hsm_host.ts';
import type { EngineParts } from '../engine_parts.ts';
import { KeyTask } from '../key_task.ts';
import type { LoadedKey } from '../loaded_key.ts';
import type { OperationKind } from '../operation_kind.ts';
import type { OperationPlan } from '../operation_plan.ts';
import type { VerifyRequest, VerifyResult } from '../requests.ts';
import { signedBytes } from './signed_bytes.ts';

export class VerifyTask extends KeyTask<VerifyResult> {
  readonly #possible: boolean;

  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: VerifyRequest) {
    super(parts, key, plan, request);
    const { digest, signature } = request;
    if (!(signature instanceof Uint8Array)) throw badParameter('value', 'a signature', signature);
    this.request.input = signedBytes(plan, digest);
    // Of another length it is none. Tokens differ in what they make of such a length, so this one sees zeros, which are never valid.
    this.#possible = signature.length === plan.signatureBytes;
    this.request.input2 = this.#possible ? signature : new Uint8Array(plan.signatureBytes);
  }

  /** What a caller's bytes bring forth is an answer: such a signature is not valid. */
  protected override answer(completion: Completion): VerifyResult {
    const { returnValue } = completion;
    const { class: kind } = reactionTo(this.plan.ringOperation, this.input, returnValue);
    if (returnValue !== 0 && kind !== 'result' && kind !== 'callerInput') throw this.refusal(completion);
    return this.#verdict(returnValue === 0 && this.#possible);
  }

  protected result(): VerifyResult {
    return this.#verdict(this.#possible);
  }

  #verdict(valid: boolean): VerifyResult {
    return { name: this.key.record.name, version: this.key.record.version, valid };
  }
}

export const VERIFY: OperationKind<VerifyRequest, VerifyResult> = {
  operation: 'verify',
  task: (parts, key, plan, request) => new VerifyTask(parts, key, plan, request),
};
