import type { StrongroomError } from '../../model/errors.ts';

/** Azure's error envelope; the activity id is the request id (Azure API §1.5). */
export function errorBody(error: StrongroomError, requestId: string): string {
  const { code, innerCode } = error;
  const message = `${error.message} (Activity ID: ${requestId})`;
  return JSON.stringify({
    error: innerCode === undefined ? { code, message } : { code, message, innererror: { code: innerCode } },
  });
}
