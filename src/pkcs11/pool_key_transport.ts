import type { PoolKeyName, SigningKeyName } from './pool_key_template.ts';
import type { ProvisioningRequest } from './provisioning.ts';
import { pinText, runProvisioning } from './provisioning_process.ts';
import type { Succession } from './provisioning_succession.ts';
import { syncSoftHsmTokens } from './softhsm_configuration.ts';

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

/**
 * Brings pool keys into a token that has none, and makes the token first where it is missing. What arrives is locked.
 * @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`)
 */
export async function importPoolKeys(
  request: ProvisioningRequest,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
): Promise<void> {
  const { soPin, environment } = request;
  const command = {
    action: 'importPoolKeys',
    ...tokenOf(request),
    soPin: soPin === undefined ? undefined : pinText(soPin),
    transportKey: base64(transportKey),
    keys,
  } as const;
  await runProvisioning(command, environment);
  await toDisk(request);
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

function tokenOf({ module, label, userPin }: TokenRequest): { module: string; label: string; userPin: string } {
  return { module, label, userPin: pinText(userPin) };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

async function toDisk({ softHsmTokenDirectory }: TokenRequest): Promise<void> {
  if (softHsmTokenDirectory !== undefined) await syncSoftHsmTokens(softHsmTokenDirectory);
}
