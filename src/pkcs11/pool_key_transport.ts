import type { PoolKeyName, SigningKeyName } from './pool_key_template.ts';
import type { ProvisioningRequest } from './provisioning.ts';
import { pinText, runProvisioning } from './provisioning_process.ts';
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
