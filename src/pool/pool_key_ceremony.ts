import { randomBytes } from 'node:crypto';
import { StrongroomError } from '../model/errors.ts';
import {
  exportPoolKeys,
  importPoolKeys,
  lockPoolKeys,
  settlePoolKeys,
  stagePoolKeys,
  TRANSPORT_KEY_BYTES,
  type TransportedPoolKeys,
} from '../pkcs11/pool_key_transport.ts';
import { inspectTokens } from '../pkcs11/provisioning.ts';
import type { DomainItem } from '../security_domain/domain_cipher.ts';
import { PinGuard } from './pin_guard.ts';
import { type PinOptions, PinSource } from './pin_source.ts';
import { findToken, type TokenLogin, type TokenModuleOptions, withGuardedPin } from './pool_token.ts';

/** The token whose pool keys are taken out or brought in, and how to log in to it. */
export interface CeremonyToken extends TokenModuleOptions, TokenLogin {
  readonly label: string;
  /** With it a token that is not there yet is made. */
  readonly soPin?: Uint8Array | undefined;
  readonly softHsmTokenDirectory?: string | undefined;
}

export interface CeremonyTokenOptions extends TokenModuleOptions {
  readonly label: string;
  readonly pin: PinOptions;
  readonly soPin?: Uint8Array | undefined;
  /** Where the pool remembers which PINs were refused. */
  readonly stateDirectory: string;
  readonly softHsmTokenDirectory?: string | undefined;
}

/** The name that Azure's own domains give to what opens their backups. */
const TAG = 'hsm_backup';
const FORMAT = 'strongroom/pool-keys/1';

interface WrittenPoolKeys {
  readonly format: typeof FORMAT;
  readonly transportKey: string;
  readonly keys: TransportedPoolKeys;
}

/**
 * The pool keys for a security domain. They come out of the token wrapped; what they are wrapped under goes into the domain with them, so
 * that it is the domain alone that protects them.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`), also when nothing brings them out any more
 */
export async function takeOutPoolKeys(token: CeremonyToken): Promise<DomainItem[]> {
  const transportKey = randomBytes(TRANSPORT_KEY_BYTES);
  try {
    const keys = await loggedIn(token, (request) => exportPoolKeys(request, transportKey));
    const written: WrittenPoolKeys = { format: FORMAT, transportKey: transportKey.toString('base64'), keys };
    return [{ tag: TAG, content: Buffer.from(JSON.stringify(written), 'utf8') }];
  } finally {
    transportKey.fill(0);
  }
}

/**
 * The pool keys of a security domain into a token that has none.
 * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `ServiceUnavailable`
 */
export async function bringInPoolKeys(token: CeremonyToken, items: readonly DomainItem[]): Promise<void> {
  const { transportKey, keys } = readPoolKeys(items);
  const bytes = Buffer.from(transportKey, 'base64');
  try {
    await loggedIn(token, (request) => importPoolKeys({ ...request, soPin: token.soPin }, bytes, keys));
  } finally {
    bytes.fill(0);
  }
}

/**
 * The pool keys of a security domain into a token that has others, beside them. Answers the seals that they give to the inputs.
 * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `ServiceUnavailable` (`ProvisioningFailed`)
 */
export async function stageIncomingPoolKeys(
  token: CeremonyToken,
  items: readonly DomainItem[],
  inputs: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const { transportKey, keys } = readPoolKeys(items);
  const bytes = Buffer.from(transportKey, 'base64');
  try {
    return await loggedIn(token, (request) => stagePoolKeys(request, bytes, keys, inputs));
  } finally {
    bytes.fill(0);
  }
}

/** Something that was sealed, with its seal. */
export interface SealProof {
  readonly input: Uint8Array;
  readonly seal: Uint8Array;
}

/** Pool keys that were brought in beside others take their place if the seal is theirs, and go if it is not. @throws StrongroomError `ServiceUnavailable` */
export async function settleIncomingPoolKeys(token: CeremonyToken, proof: SealProof | undefined): Promise<void> {
  await loggedIn(token, (request) => settlePoolKeys(request, proof));
}

/**
 * The pool keys of the first of these tokens that gives them, into one that has none: over a key that both tokens know for this once.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`)
 */
export async function carryPoolKeys(givers: readonly CeremonyToken[], receiver: CeremonyToken): Promise<void> {
  await bringInPoolKeys(receiver, await takeOutOfOneOf(givers));
}

/** The first of these tokens that gives its pool keys. @throws StrongroomError `ServiceUnavailable`, what the last of them said */
export async function takeOutOfOneOf(givers: readonly CeremonyToken[]): Promise<DomainItem[]> {
  let refusal: unknown;
  for (const giver of givers) {
    try {
      return await takeOutPoolKeys(giver);
    } catch (error) {
      refusal = error;
    }
  }
  throw refusal ?? new StrongroomError('ServiceUnavailable', 'No token with pool keys is there.');
}

/** Ends the ceremony: there will be no other domain of these keys. */
export function lockPool(token: CeremonyToken): Promise<void> {
  return loggedIn(token, lockPoolKeys);
}

/** For a token that no pool has opened. @throws StrongroomError `ServiceUnavailable` (`TokenNotFound`, `PinUnavailable`, `PinRefused`) */
export async function withCeremonyToken<Result>(
  options: CeremonyTokenOptions,
  use: (token: CeremonyToken) => Promise<Result>,
): Promise<Result> {
  const { module, environment, label, soPin, softHsmTokenDirectory } = options;
  const pin = new PinSource(options.pin);
  try {
    const guard = await PinGuard.open(options.stateDirectory);
    const serial = await serialOf(options);
    return await use({ module, environment, label, serial, pin, guard, soPin, softHsmTokenDirectory });
  } finally {
    pin.close();
  }
}

type LoggedInRequest = Parameters<typeof exportPoolKeys>[0];

function loggedIn<Result>(token: CeremonyToken, use: (request: LoggedInRequest) => Promise<Result>): Promise<Result> {
  const { module, environment, label, softHsmTokenDirectory } = token;
  return withGuardedPin(token, (userPin) => use({ module, environment, label, userPin, softHsmTokenDirectory }));
}

/** Undefined for a token that is to be made. */
async function serialOf(options: CeremonyTokenOptions): Promise<string | undefined> {
  if (options.soPin !== undefined) {
    const tokens = await inspectTokens(options);
    if (tokens.every(({ label }) => label !== options.label)) return undefined;
  }
  return (await findToken(options, { label: options.label })).serial;
}

/** @throws StrongroomError `BadParameter` (`SecurityDomainWrong`) */
export function requirePoolKeys(items: readonly DomainItem[]): void {
  readPoolKeys(items);
}

function readPoolKeys(items: readonly DomainItem[]): WrittenPoolKeys {
  const item = items.find(({ tag }) => tag === TAG);
  try {
    const written = JSON.parse(Buffer.from(item?.content ?? []).toString('utf8')) as WrittenPoolKeys;
    if (written.format === FORMAT) return written;
  } catch {
    // What is not JSON is not ours either.
  }
  throw new StrongroomError('BadParameter', 'The security domain holds no pool keys of Strongroom.', {
    innerCode: 'SecurityDomainWrong',
  });
}
