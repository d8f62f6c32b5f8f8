/**
 * The outcomes that a caller can meet, by code. Mistakes of the programmer are `TypeError`s and not in here.
 * `status` is what the REST API answers; `retryable` tells clients and the server whether the same call may work later.
 */
export const ERROR_CATALOGUE = {
  BadParameter: { status: 400, retryable: false },
  /** Roles at something that is no scope. The spelling is Azure's. */
  Invalidkeyidentifier: { status: 400, retryable: false },
  KeyCurveNotSupported: { status: 400, retryable: false },
  /** The one answer to every decryption or unwrapping that fails, whatever the reason: nothing to learn from it. */
  DecryptionFailed: { status: 400, retryable: false },
  Unauthorized: { status: 401, retryable: false },
  AccessDenied: { status: 403, retryable: false },
  Forbidden: { status: 403, retryable: false },
  KeyNotFound: { status: 404, retryable: false },
  NotFound: { status: 404, retryable: false },
  RoleDefinitionNotFound: { status: 404, retryable: false },
  RoleAssignmentNotFound: { status: 404, retryable: false },
  MethodNotAllowed: { status: 405, retryable: false },
  Conflict: { status: 409, retryable: false },
  RoleAssignmentExists: { status: 409, retryable: false },
  PayloadTooLarge: { status: 413, retryable: false },
  UnsupportedMediaType: { status: 415, retryable: false },
  Throttled: { status: 429, retryable: true },
  /** A row of the store does not carry the seal that it should: edited, swapped or rolled back. */
  StoreTampered: { status: 500, retryable: false },
  /** The key is on record, but no token has it. Never reported as "not found". */
  KeyMissing: { status: 500, retryable: false },
  InternalError: { status: 500, retryable: false },
  /** The token cannot do this (mechanism, size or policy of the device). */
  NotSupported: { status: 501, retryable: false },
  ServiceUnavailable: { status: 503, retryable: true },
  /** The host died while it did this, and whether it was done is not known. */
  OutcomeUnknown: { status: 503, retryable: true },
  /** A self-test failed: the token answers status and nothing else. */
  SelfTestFailed: { status: 503, retryable: false },
  Timeout: { status: 503, retryable: true },
  /** The caller gave up by its AbortSignal. */
  Aborted: { status: 499, retryable: false },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

export interface StrongroomErrorOptions {
  readonly cause?: unknown;
  /** Azure's `innererror.code`: the precise reason behind a broad code. */
  readonly innerCode?: string;
  readonly retryAfterMs?: number;
}

/** An outcome with a code from the catalogue. The message is for the caller; what happened inside is in `cause`, for the log alone. */
export class StrongroomError extends Error {
  override readonly name = 'StrongroomError';
  readonly code: ErrorCode;
  readonly innerCode: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: StrongroomErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.innerCode = options.innerCode;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The one form of a complaint about input: what was expected of which parameter, and what came (described, never quoted at length). */
export function badParameter(parameter: string, expected: string, received: unknown): StrongroomError {
  return new StrongroomError('BadParameter', `Expected ${expected} for ${parameter}, received ${describe(received)}.`);
}

const DESCRIBED_CHARACTERS = 60;

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') {
    const shown = value.length > DESCRIBED_CHARACTERS ? `${value.slice(0, DESCRIBED_CHARACTERS)}…` : value;
    return JSON.stringify(shown);
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
