import { randomFillSync } from 'node:crypto';
import { badParameter } from '../../model/errors.ts';
import { gcmParameter } from '../../pkcs11/mechanism.ts';
import type { HsmHost, RingRequest } from '../../pool/hsm_host.ts';
import type { EngineParts } from '../engine_parts.ts';
import { AAD_BOUNDS, requireBytes } from '../input_bounds.ts';
import { KeyTask } from '../key_task.ts';
import type { LoadedKey } from '../loaded_key.ts';
import type { OperationKind } from '../operation_kind.ts';
import type { OperationPlan } from '../operation_plan.ts';
import type { EncryptRequest, EncryptResult } from '../requests.ts';

class EncryptTask extends KeyTask<EncryptResult> {
  readonly #iv: Uint8Array | undefined;

  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: EncryptRequest) {
    super(parts, key, plan, request);
    requireBytes('value', plan.input, request.plaintext);
    refuse('aad', request.aad, plan);
    this.request.input = request.plaintext;
    this.request.capacity = request.plaintext.length + plan.overheadBytes;
    this.#iv = initialisationVector(plan, request.iv);
    if (this.#iv !== undefined) this.request.parameter = this.#iv;
  }

  protected result(ciphertext: Uint8Array): EncryptResult {
    const { name, version } = this.key.record;
    return this.#iv === undefined ? { name, version, ciphertext } : { name, version, ciphertext, iv: this.#iv };
  }
}

/** The caller's, or a fresh one where there is none. */
function initialisationVector(plan: OperationPlan, given: Uint8Array | undefined): Uint8Array | undefined {
  if (plan.iv === undefined) {
    refuse('iv', given, plan);
    return undefined;
  }
  if (given === undefined) return randomFillSync(new Uint8Array(plan.iv.minimum));
  requireBytes('iv', plan.iv, given);
  return given;
}

/** Authenticated encryption. The lane draws the IV, a fresh one for each try, and each try is counted. */
class SealedEncryptTask extends KeyTask<EncryptResult> {
  readonly #aad: Uint8Array | undefined;

  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: EncryptRequest) {
    super(parts, key, plan, request);
    const { plaintext, iv, aad } = request;
    requireBytes('value', plan.input, plaintext);
    if (iv !== undefined) throw badParameter('iv', `nothing, because ${plan.algorithm.name} makes its own`, iv);
    if (aad !== undefined) {
      requireBytes('aad', AAD_BOUNDS, aad);
      this.request.parameter = gcmParameter(undefined, aad, plan.algorithm.tagBytes ?? 0);
    }
    this.#aad = aad;
    this.request.input = plaintext;
    this.request.capacity = plaintext.length + plan.overheadBytes;
  }

  override prepare(host: HsmHost): RingRequest | Promise<RingRequest> {
    return this.parts.budget.take(this.key) ? super.prepare(host) : this.#prepareCounted(host);
  }

  async #prepareCounted(host: HsmHost): Promise<RingRequest> {
    await this.parts.budget.takeLater(this.key);
    return super.prepare(host);
  }

  /** iv ‖ ciphertext ‖ tag */
  protected result(answer: Uint8Array): EncryptResult {
    const { name, version } = this.key.record;
    const { iv, tag } = this.plan;
    const ivBytes = iv?.minimum ?? 0;
    const tagAt = answer.length - (tag?.minimum ?? 0);
    const sealed = {
      name,
      version,
      ciphertext: answer.subarray(ivBytes, tagAt),
      iv: answer.subarray(0, ivBytes),
      tag: answer.subarray(tagAt),
    };
    return this.#aad === undefined ? sealed : { ...sealed, aad: this.#aad };
  }
}

/** What the algorithm would pass over in silence, the caller may think that it did something. */
export function refuse(parameter: string, value: Uint8Array | undefined, { algorithm }: OperationPlan): void {
  if (value !== undefined) throw badParameter(parameter, `nothing with ${algorithm.name}`, value);
}

export const ENCRYPT: OperationKind<EncryptRequest, EncryptResult> = {
  operation: 'encrypt',
  task: (parts, key, plan, request) =>
    plan.algorithm.tagBytes === undefined
      ? new EncryptTask(parts, key, plan, request)
      : new SealedEncryptTask(parts, key, plan, request),
};
