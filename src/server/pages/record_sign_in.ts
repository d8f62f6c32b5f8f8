import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Application, Tenant } from '../../identity/embedded/directory_objects.ts';
import { EntraError, type EntraErrorCode } from '../../identity/embedded/entra_error.ts';
import { ERROR_CATALOGUE, type ErrorCode } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { callerAddress, issuerOrigin } from '../issuer_request.ts';
import type { PageParts } from './page_parts.ts';

/** Who signs in where, and for what. */
export interface SignInFacts {
  readonly tenant: Tenant;
  readonly application: Application;
  readonly userName: string;
}

/** As the log calls the ways in which it fails. */
const FAILURES: Partial<Record<EntraErrorCode, readonly [ErrorCode, innerCode: string]>> = {
  wrongPassword: ['Unauthorized', 'WrongPassword'],
  userLockedOut: ['Unauthorized', 'UserLockedOut'],
  userDisabled: ['Unauthorized', 'UserDisabled'],
  tooManyRequests: ['Throttled', 'TooManyAttempts'],
  userCodeUnknown: ['BadParameter', 'UserCodeUnknown'],
};

/**
 * Does what a sign-in does, and has it on record before anybody learns of it. Of a name that nobody has nothing is written down: people type
 * their passwords there.
 * @throws EntraError what the sign-in throws; StrongroomError `ServiceUnavailable` when it cannot be put on record
 */
export async function recordSignIn<T>(
  { audit, signIns }: Pick<PageParts, 'audit' | 'signIns'>,
  request: FastifyRequest,
  { tenant, application, userName }: SignInFacts,
  signIn: () => Promise<T>,
): Promise<T> {
  audit.admit();
  const timeMs = Date.now();
  const user = signIns.userOf(tenant, userName);
  const record = (result: 'Success' | ErrorCode, innerCode: string | undefined, httpStatus: number): Promise<void> =>
    audit.record({
      timeMs,
      operation: 'UserSignIn',
      result,
      innerCode,
      httpStatus,
      durationMs: Date.now() - timeMs,
      requestId: randomUUID(),
      callerAddress: callerAddress(request),
      userAgent: request.headers['user-agent']?.slice(0, LIMITS.auditTextCharacters),
      requestUri: `${issuerOrigin(request)}${(request.raw.url ?? '').split('?')[0]}`.slice(
        0,
        LIMITS.auditTextCharacters,
      ),
      principal:
        user === undefined || result !== 'Success'
          ? undefined
          : {
              objectId: user.id,
              tenantId: user.tenantId,
              applicationId: application.clientId,
              groups: [],
              kind: 'user',
              name: user.userPrincipalName,
            },
      target: user === undefined ? undefined : `users/${user.id}`,
    });
  try {
    const done = await signIn();
    await record('Success', undefined, 200);
    return done;
  } catch (error) {
    const [code, innerCode] = (error instanceof EntraError ? FAILURES[error.code] : undefined) ?? [];
    if (code !== undefined) await record(code, innerCode, ERROR_CATALOGUE[code].status);
    throw error;
  }
}
