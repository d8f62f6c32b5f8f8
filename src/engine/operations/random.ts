import { badParameter } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { RING_OPERATION } from '../../pkcs11/binding.ts';
import type { Completion, RingRequest } from '../../pool/hsm_host.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import { DispatchedTask } from '../dispatched_task.ts';
import type { OperationOptions } from '../requests.ts';
import type { TaskQueue } from '../task_queue.ts';
import { requireOk } from '../token_refusal.ts';

/** C_GenerateRandom. */
export class RandomTask extends DispatchedTask<Uint8Array> {
  readonly #request: RingRequest;

  /** @throws StrongroomError `BadParameter` */
  constructor(queue: TaskQueue, count: number, timeoutMs: number, options: OperationOptions) {
    super(queue, options.timeoutMs ?? timeoutMs, options.signal);
    if (!Number.isInteger(count) || count < 1 || count > LIMITS.operationInputBytes) {
      throw badParameter('count', `an integer from 1 to ${LIMITS.operationInputBytes}`, count);
    }
    this.#request = ringRequest(RING_OPERATION.random, { capacity: count });
  }

  /** Every host has a generator. */
  prefers(): boolean {
    return true;
  }

  prepare(): RingRequest {
    return this.#request;
  }

  release(): void {
    // Nothing is held.
  }

  leave(): () => void {
    return () => undefined;
  }

  forget(): void {
    // Nothing is remembered.
  }

  protected answer(completion: Completion): Uint8Array {
    return requireOk(completion).answer;
  }
}
