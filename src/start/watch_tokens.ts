import type { Logger } from 'pino';
import type { TokenReport } from '../pool/pool_status.ts';
import type { Core } from './core.ts';

const LOOK_MS = 1_000;

/** Tells the log of every token that comes to another state, and why: answers to callers say nothing of it. */
export class TokenWatch {
  readonly #core: Pick<Core, 'pool'>;
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  readonly #states = new Map<string, TokenReport['state']>();

  constructor(core: Pick<Core, 'pool'>, log: Logger) {
    this.#core = core;
    this.#log = log;
    this.look();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  look(): void {
    for (const { name: token, state, reason } of this.#core.pool.status().tokens) {
      const before = this.#states.get(token) ?? 'healthy';
      this.#states.set(token, state);
      if (state === before) continue;
      const isBad = state === 'suspended' || state === 'failed';
      if (isBad) this.#log.warn({ token, state, reason }, 'a token does not serve');
      else this.#log.info({ token, state }, state === 'healthy' ? 'a token serves' : 'a token is out of service');
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
