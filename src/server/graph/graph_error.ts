import type { StrongroomError } from '../../model/errors.ts';

/** As Microsoft Graph calls what went wrong; whatever is not here goes by the code of the status. */
const CODES: Readonly<Record<string, string>> = {
  Unauthorized: 'InvalidAuthenticationToken',
  AccessDenied: 'Authorization_RequestDenied',
  Forbidden: 'Authorization_RequestDenied',
  BadParameter: 'Request_BadRequest',
  NotFound: 'Request_ResourceNotFound',
  Conflict: 'Request_MultipleObjectsWithSameKeyValue',
  Throttled: 'TooManyRequests',
  ServiceUnavailable: 'ServiceUnavailable',
  DirectoryQuotaExceeded: 'Directory_QuotaExceeded',
};

/** The error body of Microsoft Graph. */
export function graphErrorBody(error: StrongroomError, requestId: string, now: Date): Record<string, unknown> {
  const code = CODES[error.innerCode ?? ''] ?? CODES[error.code] ?? 'InternalServerError';
  const date = now.toISOString().slice(0, 19);
  return {
    error: {
      code,
      message: error.message,
      innerError: { date, 'request-id': requestId, 'client-request-id': requestId },
    },
  };
}
