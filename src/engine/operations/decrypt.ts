import type { StrongroomError } from '../../model/errors.ts';
import { gcmParameter } from '../../pkcs11/mechanism.ts';
import { reactionTo } from '../../pkcs11/return_value.ts';
import type { Completion } from '../../pool/hsm_host.ts';
import type { EngineParts } from '../engine_parts.ts';
import { AAD_BOUNDS, CIPHERTEXT_BOUNDS, requireBytes, withinBounds } from '../input_bounds.ts';
import { KeyTask } from '../key_task.ts';
import type { LoadedKey } from '../loaded_key.ts';
import type { OperationKind } from '../operation_kind.ts';
import type { OperationPlan } from '../operation_plan.ts';
import type { DecryptRequest, DecryptResult, OperationOptions } from '../requests.ts';
import { decryptionFailed, failureOf, refusalOf } from '../token_refusal.ts';
import { refuse } from './encrypt.ts';

export type BesideCiphertext = Pick<DecryptRequest, 'iv' | 'aad' | 'tag'>;

/** decrypt and unwrapKey: everything that is wrong with the value itself ends in the one same error. */
export class DecipherTask extends KeyTask<DecryptResult> {
  constructor(
    parts: EngineParts,
    key: LoadedKey,
    plan: OperationPlan,
    options: OperationOptions,
    ciphertext: Uint8Array,
    { iv, aad, tag }: BesideCiphertext,
  ) {
    super(parts, key, plan, options);
    requireBytes('value', CIPHERTEXT_BOUNDS, ciphertext);
    if (plan.iv === undefined) refuse('iv', iv, plan);
    else requireBytes('iv', plan.iv, iv);
    if (plan.tag === undefined) {
      refuse('aad', aad, plan);
      refuse('tag', tag, plan);
      this.request.input = ciphertext;
      if (iv !== undefined) this.request.parameter = iv;
    } else {
      requireBytes('tag', plan.tag, tag);
      if (aad !== undefined) requireBytes('aad', AAD_BOUNDS, aad);
      this.request.input = Buffer.concat([ciphertext, tag]);
      this.request.parameter = gcmParameter(iv, aad, tag.length);
    }
    if (!withinBounds(plan.ciphertext, ciphertext.length)) throw decryptionFailed();
    this.request.capacity = ciphertext.length;
  }

  protected result(plaintext: Uint8Array): DecryptResult {
    return { name: this.key.record.name, version: this.key.record.version, plaintext };
  }

  protected override refusal(completion: Completion): StrongroomError {
    const { class: kind } = reactionTo(this.plan.ringOperation, this.input, completion.returnValue);
    if (kind !== 'callerInput') return refusalOf(this.plan.ringOperation, completion);
    return decryptionFailed(failureOf(completion));
  }
}

export const DECRYPT: OperationKind<DecryptRequest, DecryptResult> = {
  operation: 'decrypt',
  task: (parts, key, plan, request) => new DecipherTask(parts, key, plan, request, request.ciphertext, request),
};
