import { randomUUID } from 'node:crypto';

/** The errors of the token endpoint, by the AADSTS number that clients look at (RFC 6749 §5.2 for `error`). */
export const ENTRA_ERRORS = {
  invalidRequest: { status: 400, error: 'invalid_request', number: 900144 },
  unknownTenant: { status: 400, error: 'invalid_request', number: 90002 },
  scopeInvalid: { status: 400, error: 'invalid_scope', number: 70011 },
  unknownResource: { status: 400, error: 'invalid_resource', number: 500011 },
  unsupportedGrant: { status: 400, error: 'unsupported_grant_type', number: 70003 },
  unknownClient: { status: 400, error: 'unauthorized_client', number: 700016 },
  noServicePrincipal: { status: 401, error: 'invalid_client', number: 7000229 },
  clientDisabled: { status: 401, error: 'invalid_client', number: 7000112 },
  wrongSecret: { status: 401, error: 'invalid_client', number: 7000215 },
  secretExpired: { status: 401, error: 'invalid_client', number: 7000222 },
  secretMissing: { status: 401, error: 'invalid_client', number: 7000218 },
  tooManyRequests: { status: 429, error: 'temporarily_unavailable', number: 90055 },
} as const satisfies Record<string, { status: number; error: string; number: number }>;

export type EntraErrorCode = keyof typeof ENTRA_ERRORS;

/** A refusal in the shape that Entra gives it (Azure API §4.2). */
export class EntraError extends Error {
  override readonly name = 'EntraError';
  readonly code: EntraErrorCode;

  constructor(code: EntraErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return ENTRA_ERRORS[this.code].status;
  }

  /** The body of the response. */
  toBody(now: Date, correlationId: string | undefined): Record<string, unknown> {
    const { error, number } = ENTRA_ERRORS[this.code];
    const timestamp = now.toISOString().replace('T', ' ').replace(/\.\d+/, '');
    const traceId = randomUUID();
    const correlation = correlationId ?? randomUUID();
    return {
      error,
      error_description: `AADSTS${number}: ${this.message} Trace ID: ${traceId} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
      error_codes: [number],
      timestamp,
      trace_id: traceId,
      correlation_id: correlation,
    };
  }
}
