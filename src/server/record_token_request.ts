import type { FastifyRequest } from 'fastify';
import { decodeJwt } from 'jose';
import { ENTRA_ERRORS, EntraError, type EntraErrorCode } from '../identity/embedded/entra_error.ts';
import type { TokenResponse } from '../identity/embedded/token_response.ts';
import type { AuditEvent } from '../model/audit_event.ts';
import type { ErrorCode } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import type { AuditService } from './audit_service.ts';
import { callerAddress, formOf, issuerOrigin } from './issuer_request.ts';
import { newRequestId } from './request_id.ts';

const CODES: Readonly<Record<number, ErrorCode>> = { 400: 'BadParameter', 401: 'Unauthorized', 429: 'Throttled' };
/** A device asks every few seconds whether somebody has let it in: that is no event. */
const QUIET: ReadonlySet<EntraErrorCode> = new Set(['authorizationPending', 'slowDown']);
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Has it on record who was given an access token, or refused one, before anybody learns of it.
 * @throws EntraError what the issuer throws; StrongroomError `ServiceUnavailable` when it cannot be put on record
 */
export async function recordTokenRequest(
  audit: AuditService,
  request: FastifyRequest,
  issue: () => Promise<TokenResponse>,
): Promise<TokenResponse> {
  audit.admit();
  const timeMs = Date.now();
  const event = (outcome: Pick<AuditEvent, 'result' | 'innerCode' | 'httpStatus' | 'principal'>): AuditEvent => ({
    timeMs,
    operation: 'AccessTokenIssue',
    ...outcome,
    durationMs: Date.now() - timeMs,
    requestId: newRequestId(),
    callerAddress: callerAddress(request),
    userAgent: request.headers['user-agent']?.slice(0, LIMITS.auditTextCharacters),
    requestUri: `${issuerOrigin(request)}${request.routeOptions.url ?? ''}`,
    target: targetOf(request),
  });
  try {
    const response = await issue();
    const principal = principalOf(response.access_token);
    await audit.record(event({ result: 'Success', innerCode: undefined, httpStatus: 200, principal }));
    return response;
  } catch (error) {
    if (!(error instanceof EntraError) || QUIET.has(error.code)) throw error;
    const result = CODES[error.status] ?? 'BadParameter';
    const innerCode = `AADSTS${ENTRA_ERRORS[error.code].number}`;
    await audit.record(event({ result, innerCode, httpStatus: error.status, principal: undefined }));
    throw error;
  }
}

/** Of a token that was made a moment ago. */
function principalOf(accessToken: string): SecurityPrincipal {
  const { oid, tid, appid, idtyp, upn } = decodeJwt(accessToken);
  return {
    objectId: String(oid),
    tenantId: String(tid),
    applicationId: String(appid),
    groups: [],
    kind: idtyp === 'user' ? 'user' : 'servicePrincipal',
    name: typeof upn === 'string' ? upn : undefined,
  };
}

/** What it says of itself, if it is the id of an application at all: people paste anything. */
function targetOf(request: FastifyRequest): string | undefined {
  const clientId = formOf(request).get('client_id') ?? '';
  return GUID.test(clientId) ? `applications/${clientId.toLowerCase()}` : undefined;
}
