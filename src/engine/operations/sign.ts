import { RING_OPERATION } from '../../pkcs11/binding.ts';
import type { Completion, HsmHost, RingRequest } from '../../pool/hsm_host.ts';
import type { EngineParts } from '../engine_parts.ts';
import { KeyTask } from '../key_task.ts';
import type { LoadedKey } from '../loaded_key.ts';
import type { OperationKind } from '../operation_kind.ts';
import type { OperationPlan } from '../operation_plan.ts';
import type { SignRequest, SignResult } from '../requests.ts';
import { signedBytes } from './signed_bytes.ts';
import { VerifyTask } from './verify.ts';

class SignTask extends KeyTask<SignResult> {
  readonly #signed: Uint8Array;

  constructor(parts: EngineParts, key: LoadedKey, plan: OperationPlan, request: SignRequest) {
    super(parts, key, plan, request);
    const { digest } = request;
    const signed = signedBytes(plan, digest);
    // What is verified later must be what was signed, whatever the caller has done with his bytes meanwhile.
    this.#signed = signed === digest ? new Uint8Array(digest) : signed;
    this.request.input = this.#signed;
    this.request.capacity = plan.signatureBytes;
  }

  override check({ answer }: Completion, host: HsmHost): boolean | Promise<boolean> {
    const { signatureScheme: scheme } = this.plan;
    const { publicKey } = this.key.record;
    const { signatureCheck } = this.parts.pool;
    if (this.ended || !signatureCheck.isDue(publicKey.keyType, host)) return true;
    if (publicKey.keyType === 'oct-HSM') return this.#isHmac(answer, host);
    return scheme === undefined || signatureCheck.isRight(publicKey, scheme, this.#signed, answer);
  }

  /** As another host sees it, where there is one. */
  async #isHmac(signature: Uint8Array, host: HsmHost): Promise<boolean> {
    const { parts, key, plan } = this;
    const timeoutMs = Math.max(1, this.deadline - performance.now());
    const request = { key: key.record, algorithm: plan.algorithm.name, digest: this.#signed, signature, timeoutMs };
    const look = new SecondLook(parts, key, { ...plan, ringOperation: RING_OPERATION.verify }, request);
    const promise = look.promise();
    parts.pool.run(look, host);
    const { valid } = await promise;
    if (!valid) parts.pool.disagree(host, look.host);
    return valid;
  }

  protected result(signature: Uint8Array): SignResult {
    return { name: this.key.record.name, version: this.key.record.version, signature };
  }
}

class SecondLook extends VerifyTask {
  /** Who looks. */
  host: HsmHost | undefined;

  override prepare(host: HsmHost): RingRequest | Promise<RingRequest> {
    this.host = host;
    return super.prepare(host);
  }
}

export const SIGN: OperationKind<SignRequest, SignResult> = {
  operation: 'sign',
  task: (parts, key, plan, request) => new SignTask(parts, key, plan, request),
};
