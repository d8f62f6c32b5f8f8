import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { PinOptions } from './pin_source.ts';
import type { SealProof } from './pool_key_ceremony.ts';
import type { TokenChoice } from './pool_token.ts';
import type { RestartLimitOptions } from './restart_limit.ts';
import type { SignatureCheckPolicy } from './signature_check.ts';
import type { TokenProfileOptions } from './token_profile.ts';
import type { WatchdogOptions } from './watchdog.ts';

/** One token of a pool. */
export interface TokenOptions extends TokenProfileOptions {
  /** What the pool calls it, unlike any other of its tokens; the label or serial number of the choice unless named. */
  readonly name?: string | undefined;
  /** Path of the PKCS#11 module. */
  readonly module: string;
  readonly token: TokenChoice;
  readonly pin: PinOptions;
  /** Variables for the vendor library, SOFTHSM2_CONF for one. With `isolation: 'thread'` they are set in this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Where a SoftHSM keeps its tokens, so that what is made there can be brought to disk. */
  readonly softHsmTokenDirectory?: string | undefined;
  /** Puts the token in order before a host of it is started, while no other one is. */
  readonly beforeStart?: (() => Promise<void>) | undefined;
  /** Send the PIN even where one more wrong one locks the token. */
  readonly forceLogin?: boolean | undefined;
  /** An operator has it out of service: it is not opened before `resume`. */
  readonly drained?: boolean | undefined;
}

/** What holds for all tokens of a pool. */
export interface PoolWideOptions extends RestartLimitOptions, WatchdogOptions {
  /** Where the pool remembers which PINs were refused. Made when it is not there. */
  readonly stateDirectory: string;
  /** What the pool is called by what it signs; the label of its first token unless named. */
  readonly label?: string | undefined;
  /** `process` unless named: the vendor library in processes of its own. */
  readonly isolation?: 'process' | 'thread' | undefined;
  /** Which ECDSA signatures are verified before they are let out, `sampled` unless named. RSA signatures always are. */
  readonly signatureChecks?: SignatureCheckPolicy | undefined;
  /**
   * `require` unless named: a token without pool keys is refused. With `carry` those of another token of the pool are brought over, where
   * one has them; `create` makes new ones as well, where none has.
   */
  readonly poolKeys?: 'require' | 'carry' | 'create' | undefined;
  /**
   * Something that the pool has sealed, with its seal. It is asked for where tokens disagree: those whose seal it is have the keys of the
   * pool, however many have others.
   */
  readonly sealed?: (() => Promise<SealProof | undefined>) | undefined;
  readonly startTimeoutMs?: number | undefined;
  /** How long a request of `call` may take that names no time of its own, 10,000 unless set. Slow devices want more. */
  readonly callTimeoutMs?: number | undefined;
}

/** A pool of one token, named in the same breath. */
export interface HsmPoolOptions extends PoolWideOptions, TokenOptions {}

/** A pool of 1 to 16 tokens, whatever their modules. */
export interface HsmPoolOfTokensOptions extends PoolWideOptions {
  readonly tokens: readonly TokenOptions[];
}

export function tokensOf(options: HsmPoolOptions | HsmPoolOfTokensOptions): readonly TokenOptions[] {
  const tokens = 'tokens' in options ? options.tokens : [options];
  if (tokens.length < 1 || tokens.length > LIMITS.tokensPerPool) {
    throw new TypeError(`Expected 1 to ${LIMITS.tokensPerPool} tokens, received ${tokens.length}.`);
  }
  requireDifferentNames(tokens.map(nameOf));
  if (options.isolation === 'thread') setEnvironment(tokens);
  return tokens;
}

export function nameOf({ name, token }: TokenOptions): string {
  return name ?? ('label' in token ? token.label : token.serial);
}

function requireDifferentNames(names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return;
  throw new StrongroomError('BadParameter', `Expected tokens of different names, received ${twice} twice.`);
}

/** Lanes as threads see the variables of this process, and there is one value of each for all of them. */
function setEnvironment(tokens: readonly TokenOptions[]): void {
  const variables = new Map<string, string>();
  for (const [name, value] of tokens.flatMap(({ environment = {} }) => Object.entries(environment))) {
    if ((variables.get(name) ?? value) !== value) {
      throw new StrongroomError(
        'BadParameter',
        `Expected one value of ${name} for all tokens in threads, received two.`,
      );
    }
    variables.set(name, value);
  }
  Object.assign(process.env, Object.fromEntries(variables));
}
