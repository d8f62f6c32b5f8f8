import { StrongroomError } from '../model/errors.ts';
import { HOST_STATE, type HostStatus, nativeAddon } from '../pkcs11/binding.ts';
import { CryptokiFailure, cryptokiFailure, RETURN_VALUE } from '../pkcs11/return_value.ts';
import type { HostToken } from './hsm_host.ts';
import type { LaneRange } from './lane_tuner.ts';
import type { PinGuard } from './pin_guard.ts';
import type { PinSource } from './pin_source.ts';
import { findPoolKeys } from './pool_keys.ts';
import { ProcessHost } from './process_host.ts';
import type { RingHost } from './ring_host.ts';
import { oneAtATime } from './start_queue.ts';
import { askStartingHost } from './starting_host.ts';
import { ThreadHost } from './thread_host.ts';

export interface HostStarterOptions {
  readonly module: string;
  readonly token: HostToken;
  /** A name that no host of the pool has had yet. */
  readonly newId: () => string;
  readonly isolation: 'process' | 'thread';
  readonly environment: Readonly<Record<string, string>>;
  readonly forceLogin: boolean;
  readonly startTimeoutMs: number;
  /** Puts the token in order before each start. */
  readonly beforeStart: (() => Promise<void>) | undefined;
  readonly pin: PinSource;
  readonly guard: PinGuard;
}

const WRONG_PIN: ReadonlySet<number> = new Set([
  RETURN_VALUE.CKR_PIN_INCORRECT,
  RETURN_VALUE.CKR_PIN_INVALID,
  RETURN_VALUE.CKR_PIN_LEN_RANGE,
]);
const UNUSABLE_PIN: ReadonlySet<number> = new Set([
  RETURN_VALUE.CKR_PIN_EXPIRED,
  RETURN_VALUE.CKR_USER_PIN_NOT_INITIALIZED,
]);
/** No further start changes what the module found in itself. */
const UNFIT: ReadonlySet<number> = new Set([
  RETURN_VALUE.CKR_FIPS_SELF_TEST_FAILED,
  RETURN_VALUE.CKR_LIBRARY_LOAD_FAILED,
]);

/**
 * Modules that this process has loaded itself, for lanes as threads. Every further instance takes a copy: two users of one would share its
 * state, and the end of the first would finalise the library under the second.
 */
const LOADED_MODULES = new Set<string>();

/** Starts hosts of one token, one at a time, up to the point where they know the pool keys and can take work. */
export class HostStarter {
  readonly #options: HostStarterOptions;

  constructor(options: HostStarterOptions) {
    this.#options = options;
  }

  /**
   * ServiceUnavailable with an inner code: PinUnavailable, PinRefused, PinLocked, PinUnusable, ModuleUnfit, PoolKeysMissing,
   * PoolKeysAmbiguous, PoolKeysUnusable, or HostNotStarted with what happened as the cause.
   */
  start(lanes: LaneRange): Promise<RingHost> {
    const { module, token } = this.#options;
    return oneAtATime(`${module}\n${token.serial}`, () => this.#start(lanes));
  }

  async #start(lanes: LaneRange): Promise<RingHost> {
    const { pin: source, guard, token, startTimeoutMs, beforeStart } = this.#options;
    await beforeStart?.().catch(notInOrder);
    const pin = await source.read();
    try {
      await guard.admit(token.serial, pin);
      const host = this.#create(lanes, new Uint8Array(pin));
      try {
        const status = await host.started(startTimeoutMs);
        if (status.state !== HOST_STATE.ready) throw await this.#failure(host, status, pin);
        host.failedVerification = token.profile.failedVerification;
        host.open(await findPoolKeys((request) => askStartingHost(host, request), token.profile.copiesPoolKeys));
        return host;
      } catch (error) {
        host.kill('it did not start');
        throw error;
      }
    } finally {
      pin.fill(0);
    }
  }

  #create(lanes: LaneRange, pin: Uint8Array): RingHost {
    const { module, token, newId, isolation, environment, forceLogin } = this.#options;
    const host = { id: newId(), module, token, lanes, forceLogin, pin };
    if (isolation === 'process') return new ProcessHost({ ...host, environment });
    const privateCopy = LOADED_MODULES.has(module);
    LOADED_MODULES.add(module);
    return new ThreadHost({ ...host, privateCopy });
  }

  async #failure(host: RingHost, status: HostStatus, pin: Uint8Array): Promise<StrongroomError> {
    const { guard, token, startTimeoutMs } = this.#options;
    const { returnValue } = status;
    if (status.state === HOST_STATE.failed && WRONG_PIN.has(returnValue)) {
      await guard.refused(token.serial, pin);
      return refusal(
        'PinRefused',
        `The token ${token.serial} refused the PIN. It is not sent again: configure the right one.`,
        status,
      );
    }
    if (status.state === HOST_STATE.failed && returnValue === RETURN_VALUE.CKR_PIN_LOCKED) {
      return refusal(
        'PinLocked',
        `No login to the token ${token.serial}: ${status.message || 'its user PIN is locked'}.`,
        status,
      );
    }
    if (status.state === HOST_STATE.failed && UNUSABLE_PIN.has(returnValue)) {
      return refusal('PinUnusable', `The user PIN of the token ${token.serial} has expired or was never set.`, status);
    }
    if (status.state === HOST_STATE.failed && UNFIT.has(returnValue)) {
      return refusal('ModuleUnfit', `The module of the token ${token.serial} declares itself unfit.`, status);
    }
    if (status.state === HOST_STATE.starting && host.end === undefined) {
      return refusal('HostNotStarted', `An HSM host did not start within ${startTimeoutMs} ms.`, status);
    }
    return new StrongroomError('ServiceUnavailable', 'An HSM host did not start.', {
      innerCode: 'HostNotStarted',
      cause:
        status.state === HOST_STATE.failed
          ? startFailure(status)
          : new Error(`The HSM host is gone: ${host.end?.reason}`),
    });
  }
}

function refusal(innerCode: string, message: string, status: HostStatus): StrongroomError {
  return new StrongroomError('ServiceUnavailable', message, { innerCode, cause: startFailure(status) });
}

/** To start it all the same could do more harm. */
function notInOrder(cause: unknown): never {
  const refused = new StartRefusal('The token could not be put in order before it', { cause });
  throw new StrongroomError('ServiceUnavailable', 'An HSM host was not started.', {
    innerCode: 'HostNotStarted',
    cause: refused,
  });
}

/** What a living host said outside of Cryptoki, that there is no such token, or no such module; or why there was no host yet. */
class StartRefusal extends Error {}

/** No host died of it: no crash, however often it happens. */
export function wasRefused(error: unknown): boolean {
  if (!(error instanceof StrongroomError)) return false;
  if (error.innerCode === 'PinUnavailable') return true;
  return error.cause instanceof StartRefusal || error.cause instanceof CryptokiFailure;
}

/** Function 0 is a failure outside Cryptoki, which the message describes. */
function startFailure(status: HostStatus): Error {
  if (status.state !== HOST_STATE.failed) return new Error('It said nothing');
  if (status.function === 0) return new StartRefusal(status.message);
  return cryptokiFailure(nativeAddon().functionNames()[status.function] ?? 'The host', status.returnValue);
}
