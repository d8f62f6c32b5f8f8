import type { PoolKeyMarks } from './pool_key_marks.ts';
import type { PoolKeyName, SigningKeyName } from './pool_key_template.ts';
import type { ProvisioningRequest } from './provisioning.ts';
import type { ArrivalSight, PoolKeySight } from './provisioning_arrival.ts';
import { pinText, runProvisioning } from './provisioning_process.ts';
import type { Succession } from './provisioning_succession.ts';
import { syncSoftHsmTokens } from './softhsm_token_sync.ts';

/** The pool keys on their way from a token to another, in base64: each under a transport key (AES-256, RFC 5649), and points as they are. */
export interface TransportedPoolKeys {
  readonly wrapped: Readonly<Record<PoolKeyName, string>>;
  /** CKA_EC_POINT of the public halves. */
  readonly points: Readonly<Record<SigningKeyName, string>>;
}

export const TRANSPORT_KEY_BYTES = 32;

type TokenRequest = Omit<ProvisioningRequest, 'soPin'>;

/**
 * Wraps the pool keys out of a token. Logs in once, like `startProvisioning`.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`), also when they have been locked
 */
export async function exportPoolKeys(request: TokenRequest, transportKey: Uint8Array): Promise<TransportedPoolKeys> {
  const command = { action: 'exportPoolKeys', ...tokenOf(request), transportKey: base64(transportKey) } as const;
  return (await runProvisioning(command, request.environment)) as TransportedPoolKeys;
}

/** What a token has of pool keys. Logs in once. @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`) */
export async function lookAtPoolKeys(request: TokenRequest): Promise<PoolKeySight> {
  const command = { action: 'lookAtPoolKeys', ...tokenOf(request) } as const;
  return (await runProvisioning(command, request.environment)) as PoolKeySight;
}

/**
 * What pool keys are on their way to a token, and what it has. They are unwrapped there and tried, and nothing of them stays in the token,
 * which is made first where it is missing.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`)
 */
export async function lookAtArrival(
  request: ProvisioningRequest,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
  inputs: readonly Uint8Array[],
): Promise<ArrivalSight & { readonly sight: PoolKeySight }> {
  const arrival = arrivalOf(request, transportKey, keys);
  const command = { action: 'lookAtArrival', ...arrival, inputs: inputs.map(base64) } as const;
  const answer = (await runProvisioning(command, request.environment)) as WrittenArrival;
  await toDisk(request);
  return { ...answer, seals: answer.seals.map((seal) => new Uint8Array(Buffer.from(seal, 'base64'))) };
}

type WrittenArrival = { readonly sight: PoolKeySight; readonly marks: PoolKeyMarks; readonly seals: readonly string[] };

/**
 * Brings pool keys into a token that has none, and makes the token first where it is missing. What arrives is locked. Doing it again is no
 * mistake, finishes what was interrupted, and answers false when there was nothing to do.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`)
 */
export async function importPoolKeys(
  request: ProvisioningRequest,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
): Promise<boolean> {
  const command = { action: 'importPoolKeys', ...arrivalOf(request, transportKey, keys) } as const;
  const isNew = (await runProvisioning(command, request.environment)) as boolean;
  await toDisk(request);
  return isNew;
}

/**
 * Brings pool keys into a token beside those that it has, and answers the seals that they give to the inputs (HMAC-SHA256). Until they are
 * settled the others are in use, and those of an earlier attempt are gone.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`)
 */
export async function stagePoolKeys(
  request: TokenRequest,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
  inputs: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  const command = {
    action: 'stagePoolKeys',
    ...tokenOf(request),
    transportKey: base64(transportKey),
    keys,
    inputs: inputs.map(base64),
  } as const;
  const seals = (await runProvisioning(command, request.environment)) as readonly string[];
  await toDisk(request);
  return seals.map((seal) => new Uint8Array(Buffer.from(seal, 'base64')));
}

/**
 * Ends what `stagePoolKeys` has begun. With a seal that is by the keys that were brought in, these take the place of the others; else they
 * go. Doing it again is no mistake, and finishes what was interrupted.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`)
 */
export async function settlePoolKeys(
  request: TokenRequest,
  proof: { readonly input: Uint8Array; readonly seal: Uint8Array } | undefined,
): Promise<Succession> {
  const written = proof && { input: base64(proof.input), seal: base64(proof.seal) };
  const command = { action: 'settlePoolKeys', ...tokenOf(request), proof: written } as const;
  const succession = (await runProvisioning(command, request.environment)) as Succession;
  await toDisk(request);
  return succession;
}

/** From now on nothing brings the pool keys out of this token (CKA_EXTRACTABLE false). Doing it again is no mistake. */
export async function lockPoolKeys(request: TokenRequest): Promise<void> {
  await runProvisioning({ action: 'lockPoolKeys', ...tokenOf(request) }, request.environment);
  await toDisk(request);
}

function arrivalOf(request: ProvisioningRequest, transportKey: Uint8Array, keys: TransportedPoolKeys) {
  const soPin = request.soPin === undefined ? undefined : pinText(request.soPin);
  const isOwn = request.softHsmTokenDirectory !== undefined;
  return { ...tokenOf(request), soPin, isOwn, transportKey: base64(transportKey), keys };
}

function tokenOf({ module, label, userPin }: TokenRequest): { module: string; label: string; userPin: string } {
  return { module, label, userPin: pinText(userPin) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

async function toDisk({ softHsmTokenDirectory }: TokenRequest): Promise<void> {
  if (softHsmTokenDirectory !== undefined) await syncSoftHsmTokens(softHsmTokenDirectory);
}
