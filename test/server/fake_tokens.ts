import { StrongroomError } from '../../src/model/errors.ts';
import type { OperatedToken, TokenService } from '../../src/server/token_service.ts';

/** Two tokens, of which nothing comes but a state. */
export class FakeTokens implements TokenService {
  readonly asked: string[] = [];
  /** Thrown by whatever would change something. */
  refusal: StrongroomError | undefined;
  readonly #states = new Map<string, OperatedToken['state']>([
    ['left', 'healthy'],
    ['right', 'healthy'],
  ]);

  list(): readonly OperatedToken[] {
    return [...this.#states.keys()].map((name) => this.get(name));
  }

  get(name: string): OperatedToken {
    const state = this.#states.get(name);
    if (state === undefined) throw new StrongroomError('NotFound', 'There is no token of this name.');
    const lanes = { perHost: 1, found: 'fixed', sessionLimit: undefined, operationsPerSecond: undefined };
    return { name, state, reason: undefined, profile: 'softhsm', hosts: 2, lanes, inFlight: 0 };
  }

  async drain(name: string): Promise<OperatedToken> {
    return this.#change(name, 'draining', 'drain');
  }

  async resume(name: string): Promise<OperatedToken> {
    return this.#change(name, 'healthy', 'resume');
  }

  async add(name: string): Promise<OperatedToken> {
    return this.#change(name, 'healthy', 'add');
  }

  async remove(name: string, leavesKeys: boolean): Promise<OperatedToken> {
    return this.#change(name, 'removed', leavesKeys ? 'remove with keys' : 'remove');
  }

  #change(name: string, state: OperatedToken['state'], what: string): OperatedToken {
    this.asked.push(`${what} ${name}`);
    this.get(name);
    if (this.refusal !== undefined) throw this.refusal;
    this.#states.set(name, state);
    return this.get(name);
  }
}
