import { randomBytes } from 'node:crypto';
import {
  exportPoolKeys,
  importPoolKeys,
  lockPoolKeys,
  lookAtArrival,
  lookAtPoolKeys,
  settlePoolKeys,
  stagePoolKeys,
  TRANSPORT_KEY_BYTES,
  type TransportedPoolKeys,
} from '../pkcs11/pool_key_transport.ts';
import type { ArrivalSight, PoolKeySight } from '../pkcs11/provisioning_arrival.ts';
import { type DomainItem, wrongDomain } from '../security_domain/domain_cipher.ts';
import { type TokenLogin, type TokenModuleOptions, withGuardedPin } from './pool_token.ts';

/* What is done to the pool keys of one token, beside its hosts. What is done to those of a whole pool is in pool_ceremony.ts. */

/** The token whose pool keys are taken out or brought in, and how to log in to it. */
export interface CeremonyToken extends TokenModuleOptions, TokenLogin {
  /** What the pool calls it. */
  readonly name: string;
  readonly label: string;
  /** With it a token that is not there yet is made. */
  readonly soPin?: Uint8Array | undefined;
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

/** What the token has of pool keys. @throws StrongroomError `ServiceUnavailable` */
export function lookAt(token: CeremonyToken): Promise<PoolKeySight> {
  return loggedIn(token, lookAtPoolKeys);
}

/**
 * What the pool keys of a security domain are, as this token sees them, and what it has itself; it keeps nothing of them. `inputs` are sealed
 * by them.
 * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `ServiceUnavailable`
 */
export async function lookAtArriving(
  token: CeremonyToken,
  items: readonly DomainItem[],
  inputs: readonly Uint8Array[],
): Promise<ArrivalSight & { readonly sight: PoolKeySight }> {
  return withWritten(items, (transportKey, keys) =>
    loggedIn(token, (request) => lookAtArrival({ ...request, soPin: token.soPin }, transportKey, keys, inputs)),
  );
}

/**
 * The pool keys of a security domain into a token that has none; false for one that has them already.
 * @throws StrongroomError `BadParameter` (`SecurityDomainWrong`), `ServiceUnavailable`, also for a token that has others
 */
export async function bringInPoolKeys(token: CeremonyToken, items: readonly DomainItem[]): Promise<boolean> {
  return withWritten(items, (transportKey, keys) =>
    loggedIn(token, (request) => importPoolKeys({ ...request, soPin: token.soPin }, transportKey, keys)),
  );
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
  return withWritten(items, (transportKey, keys) =>
    loggedIn(token, (request) => stagePoolKeys(request, transportKey, keys, inputs)),
  );
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

/** Ends the ceremony: there will be no other domain of these keys. */
export function lockPool(token: CeremonyToken): Promise<void> {
  return loggedIn(token, lockPoolKeys);
}

type LoggedInRequest = Parameters<typeof exportPoolKeys>[0];

function loggedIn<Result>(token: CeremonyToken, use: (request: LoggedInRequest) => Promise<Result>): Promise<Result> {
  const { module, environment, label, softHsmTokenDirectory } = token;
  return withGuardedPin(token, (userPin) => use({ module, environment, label, userPin, softHsmTokenDirectory }));
}

async function withWritten<Result>(
  items: readonly DomainItem[],
  use: (transportKey: Uint8Array, keys: TransportedPoolKeys) => Promise<Result>,
): Promise<Result> {
  const { transportKey, keys } = readPoolKeys(items);
  const bytes = Buffer.from(transportKey, 'base64');
  try {
    return await use(bytes, keys);
  } finally {
    bytes.fill(0);
  }
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
  throw wrongDomain('it holds no pool keys of Strongroom');
}
