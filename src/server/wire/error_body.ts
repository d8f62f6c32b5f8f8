import type { StrongroomError } from '../../model/errors.ts';

interface ErrorMembers {
  readonly code: string;
  readonly message: string;
  readonly innererror?: { readonly code: string };
}

/** The `error` of Azure's envelope; the activity id is the request id (Azure API §1.5). */
export function errorMembers(error: StrongroomError, requestId: string): ErrorMembers {
  const { code, innerCode } = error;
  const message = `${error.message} (Activity ID: ${requestId})`;
  return innerCode === undefined ? { code, message } : { code, message, innererror: { code: innerCode } };
}

/** Azure's error envelope. */
export function errorBody(error: StrongroomError, requestId: string): string {
  return JSON.stringify({ error: errorMembers(error, requestId) });
}
