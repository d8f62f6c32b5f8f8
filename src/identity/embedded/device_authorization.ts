import { LIMITS } from '../../model/limits.ts';
import { identifyClient } from './client_identity.ts';
import { readDelegatedAccess } from './delegated_access.ts';
import type { GrantParts } from './grants/grant.ts';
import type { TokenRequest } from './token_request.ts';

/** What a device shows to its person, and asks with (RFC 8628 §3.2). */
export interface DeviceAuthorization {
  readonly user_code: string;
  readonly device_code: string;
  readonly verification_uri: string;
  readonly expires_in: number;
  readonly interval: number;
  readonly message: string;
}

/** Where people enter the code of a device. */
export const DEVICE_PATH = '/device';

/** A device without a browser asks for a code (RFC 8628 §3.1). @throws EntraError */
export async function authorizeDevice(
  request: TokenRequest,
  parts: GrantParts,
  address: string,
): Promise<DeviceAuthorization> {
  const { application } = await identifyClient(request, parts);
  const access = readDelegatedAccess(request, parts.resources);
  const { clientId } = application;
  const { userCode, deviceCode } = await parts.deviceCodes.request({
    tenantId: request.tenant.id,
    clientId,
    access,
    address,
  });
  const page = `${request.origin}${DEVICE_PATH}`;
  return {
    user_code: userCode,
    device_code: deviceCode,
    verification_uri: page,
    expires_in: LIMITS.deviceCodeMs / 1000,
    interval: LIMITS.devicePollMs / 1000,
    message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
  };
}
