import { ConfigurationError } from '../config/configuration_error.ts';
import { readPrivateFile, writePrivateFile } from '../config/private_file.ts';
import type { TokenOptions } from '../pool/pool_options.ts';

/** `drained`: out of service, to come back. `removed`: not of the pool any more. */
export type TokenDecision = 'drained' | 'removed';

const DECISIONS: ReadonlySet<unknown> = new Set<TokenDecision>(['drained', 'removed']);
const FORMAT = 'strongroom/token-decisions/1';

/**
 * What operators have decided of the tokens of this machine, by name, in a file that a restart finds. Not in the store: others may share that,
 * and their tokens are others. A name that the configuration has not got (any more) decides nothing.
 */
export class TokenDecisions {
  readonly #path: string;
  #decisions: ReadonlyMap<string, TokenDecision>;

  private constructor(path: string, decisions: ReadonlyMap<string, TokenDecision>) {
    this.#path = path;
    this.#decisions = decisions;
  }

  /** @throws ConfigurationError when the file is not what was written there */
  static async open(path: string): Promise<TokenDecisions> {
    const text = await readPrivateFile(path).catch((error: Error) => {
      throw unusable(error.message);
    });
    return new TokenDecisions(path, text === undefined ? new Map() : parse(path, text));
  }

  of(name: string): TokenDecision | undefined {
    return this.#decisions.get(name);
  }

  /** Resolves when the next start would find it. One at a time. */
  async decide(name: string, decision: TokenDecision | undefined): Promise<void> {
    const next = new Map(this.#decisions);
    if (decision === undefined) next.delete(name);
    else next.set(name, decision);
    const content = { format: FORMAT, tokens: Object.fromEntries(next) };
    await writePrivateFile(this.#path, `${JSON.stringify(content, undefined, 2)}\n`);
    this.#decisions = next;
  }

  /** Those of the pool, as they are to be opened. @throws ConfigurationError when none would serve */
  applyTo(tokens: readonly TokenOptions[]): readonly TokenOptions[] {
    const left = tokens
      .filter(({ name = '' }) => this.of(name) !== 'removed')
      .map((token) => (this.of(token.name ?? '') === 'drained' ? { ...token, drained: true } : token));
    if (left.some(({ drained }) => drained !== true)) return left;
    throw unusable(`Expected a token that is neither drained nor removed: ${this.#path} says that all are.`);
  }
}

function parse(path: string, text: string): ReadonlyMap<string, TokenDecision> {
  try {
    const { format, tokens } = JSON.parse(text) as { format: unknown; tokens: Record<string, TokenDecision> };
    const decisions = Object.entries(tokens);
    if (format === FORMAT && decisions.every(([, decision]) => DECISIONS.has(decision))) return new Map(decisions);
  } catch {
    // What is not JSON is not ours either.
  }
  throw unusable(`${path} is not what was written there: put it right, or remove it to have all tokens in service.`);
}

function unusable(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'hsm.tokens', message }]);
}
