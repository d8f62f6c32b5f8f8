import { keepsKeys } from '../engine/resident_keys.ts';
import { StrongroomError } from '../model/errors.ts';
import type { TokenOptions } from '../pool/pool_options.ts';
import type { TokenReport } from '../pool/pool_status.ts';
import type { OperatedToken, TokenService } from '../server/token_service.ts';
import type { Core } from './core.ts';
import type { PreparedPool } from './prepare_pool.ts';

/** The tokens that the configuration of this machine names, and what operators do with them. What they decide is kept before it is answered. */
export class OperatedTokens implements TokenService {
  readonly #core: Pick<Core, 'pool'>;
  readonly #prepared: PreparedPool;
  /** Decisions are made one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(core: Pick<Core, 'pool'>, prepared: PreparedPool) {
    this.#core = core;
    this.#prepared = prepared;
  }

  list(): readonly OperatedToken[] {
    const reports = new Map(this.#core.pool.status().tokens.map((report) => [report.name, report]));
    return this.#prepared.names.map((name) => operated(name, reports.get(name)));
  }

  get(name: string): OperatedToken {
    const found = this.list().find((token) => token.name === name);
    if (found === undefined) throw new StrongroomError('NotFound', 'There is no token of this name.');
    return found;
  }

  async drain(name: string): Promise<OperatedToken> {
    let draining: Promise<void> | undefined;
    await this.#inTurn(async () => {
      const { state: before } = this.#requireInPool(name);
      const { pool } = this.#core;
      draining = pool.drain(name);
      draining.catch(() => undefined);
      // Where it is refused, the state is what it was, and whoever waits below hears of it.
      if (this.get(name).state !== 'draining') return;
      await this.#prepared.decisions.decide(name, 'drained').catch((error: unknown) => {
        if (before !== 'draining') pool.resumeToken(name);
        throw error;
      });
    });
    await draining;
    return this.get(name);
  }

  async resume(name: string): Promise<OperatedToken> {
    await this.#inTurn(async () => {
      this.#requireInPool(name);
      await this.#prepared.decisions.decide(name, undefined);
      this.#core.pool.resumeToken(name);
    });
    return this.get(name);
  }

  async add(name: string): Promise<OperatedToken> {
    await this.#inTurn(async () => {
      this.get(name);
      await this.#prepared.decisions.decide(name, undefined);
      await this.#core.pool.add(this.#optionsOf(name));
    });
    return this.get(name);
  }

  async remove(name: string, leavesKeys: boolean): Promise<OperatedToken> {
    await this.#inTurn(async () => {
      if (this.get(name).state === 'removed') return;
      const { pool } = this.#core;
      pool.requireRemovable(name);
      if (!leavesKeys) await this.#requireNoKeys(name);
      const before = this.#prepared.decisions.of(name);
      await this.#prepared.decisions.decide(name, 'removed');
      try {
        await pool.remove(name);
      } catch (error) {
        // The others have failed meanwhile.
        await this.#prepared.decisions.decide(name, before);
        throw error;
      }
    });
    return this.get(name);
  }

  #optionsOf(name: string): TokenOptions {
    const options = this.#prepared.options.tokens.find((token) => token.name === name);
    if (options === undefined) throw new TypeError('The machine does not know the token.');
    return options;
  }

  #requireInPool(name: string): OperatedToken {
    const token = this.get(name);
    if (token.state !== 'removed') return token;
    const message = `The token ${name} was removed from the pool.`;
    throw new StrongroomError('Conflict', message, { innerCode: 'TokenRemoved' });
  }

  async #requireNoKeys(name: string): Promise<void> {
    const { pool } = this.#core;
    const token = pool.tokens.find((each) => each.name === name);
    const keeps = token === undefined ? undefined : await keepsKeys(pool, token).catch(() => undefined);
    if (keeps === false) return;
    const what = keeps === true ? 'keeps keys itself' : 'cannot be asked whether it keeps keys itself';
    const message = `The token ${name} ${what}: what is in it alone could not be used without it. Say leaveKeys to remove it all the same.`;
    throw new StrongroomError('Conflict', message, { innerCode: 'TokenKeepsKeys' });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function operated(name: string, report: TokenReport | undefined): OperatedToken {
  if (report === undefined) {
    return { name, state: 'removed', reason: undefined, profile: undefined, hosts: 0, lanes: undefined, inFlight: 0 };
  }
  const { state, reasonCode: reason, profile, hosts, lanes, inFlight } = report;
  return { name, state, reason, profile, hosts, lanes, inFlight };
}
