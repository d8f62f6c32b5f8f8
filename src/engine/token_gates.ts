import { LIMITS } from '../model/limits.ts';
import type { HostToken } from '../pool/hsm_host.ts';
import { WorkGate } from './work_gate.ts';

/** Objects of a token are made one after the other where its device needs that, and no faster than so many at once elsewhere. */
export class TokenGates {
  readonly #gates = new WeakMap<HostToken, WorkGate>();

  /** @throws StrongroomError `Throttled` when too many wait, or whatever the work throws */
  pass<Result>(token: HostToken, work: () => Promise<Result>): Promise<Result> {
    let gate = this.#gates.get(token);
    if (gate === undefined) {
      gate = new WorkGate(token.profile.serialisedCreation ? 1 : LIMITS.keyCreations, LIMITS.keyCreationsWaiting);
      this.#gates.set(token, gate);
    }
    return gate.pass(work);
  }
}
