import { randomUUID } from 'node:crypto';

/** The errors of the issuer, by the AADSTS number that clients look at (RFC 6749 §5.2 for `error`). */
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
  requestMalformed: { status: 400, error: 'invalid_request', number: 9002313 },
  redirectUriUnknown: { status: 400, error: 'invalid_request', number: 50011 },
  challengeInvalid: { status: 400, error: 'invalid_request', number: 501491 },
  formForeign: { status: 403, error: 'invalid_request', number: 165000 },
  responseTypeUnsupported: { status: 400, error: 'unsupported_response_type', number: 700054 },
  requestObjectUnsupported: { status: 400, error: 'request_not_supported', number: 90023 },
  loginRequired: { status: 400, error: 'login_required', number: 50058 },
  consentDeclined: { status: 403, error: 'access_denied', number: 65004 },
  wrongPassword: { status: 400, error: 'invalid_grant', number: 50126 },
  userLockedOut: { status: 400, error: 'invalid_grant', number: 50053 },
  userDisabled: { status: 400, error: 'invalid_grant', number: 50057 },
  passwordChanged: { status: 400, error: 'invalid_grant', number: 50173 },
  grantForeign: { status: 400, error: 'invalid_grant', number: 70000 },
  userCodeUnknown: { status: 400, error: 'invalid_request', number: 70018 },
  codeInvalid: { status: 400, error: 'invalid_grant', number: 70008 },
  codeReused: { status: 400, error: 'invalid_grant', number: 54005 },
  redirectUriDifferent: { status: 400, error: 'invalid_grant', number: 500112 },
  verifierWrong: { status: 400, error: 'invalid_grant', number: 501481 },
  refreshTokenInvalid: { status: 400, error: 'invalid_grant', number: 70000 },
  authorizationPending: { status: 400, error: 'authorization_pending', number: 70016 },
  slowDown: { status: 400, error: 'slow_down', number: 90055 },
  deviceCodeInvalid: { status: 400, error: 'bad_verification_code', number: 70018 },
  deviceCodeExpired: { status: 400, error: 'expired_token', number: 70019 },
  deviceCodeDeclined: { status: 400, error: 'authorization_declined', number: 65004 },
  assertionMalformed: { status: 400, error: 'invalid_request', number: 50027 },
  assertionForeign: { status: 401, error: 'invalid_client', number: 700021 },
  assertionAudience: { status: 401, error: 'invalid_client', number: 700023 },
  assertionTime: { status: 401, error: 'invalid_client', number: 700024 },
  assertionSignature: { status: 401, error: 'invalid_client', number: 700027 },
  assertionReplayed: { status: 401, error: 'invalid_client', number: 50013 },
  federatedIssuer: { status: 401, error: 'invalid_client', number: 700211 },
  federatedAudience: { status: 401, error: 'invalid_client', number: 700212 },
  federatedSubject: { status: 401, error: 'invalid_client', number: 700213 },
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

  /** What OAuth calls it. */
  get error(): string {
    return ENTRA_ERRORS[this.code].error;
  }

  /** With the number that people look for. */
  get description(): string {
    return `AADSTS${ENTRA_ERRORS[this.code].number}: ${this.message}`;
  }

  /** The body of the response. */
  toBody(now: Date, correlationId: string | undefined): Record<string, unknown> {
    const { number } = ENTRA_ERRORS[this.code];
    const timestamp = now.toISOString().replace('T', ' ').replace(/\.\d+/, '');
    const traceId = randomUUID();
    const correlation = correlationId ?? randomUUID();
    return {
      error: this.error,
      error_description: `${this.description} Trace ID: ${traceId} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
      error_codes: [number],
      timestamp,
      trace_id: traceId,
      correlation_id: correlation,
    };
  }
}
