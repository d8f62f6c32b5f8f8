import type { Tenant } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';

/** What comes to the token endpoint. */
export interface ReceivedTokenRequest {
  /** `https://host:port` as the client reached it. */
  readonly origin: string;
  /** First segment of the path: a tenant's id, or another name of it. */
  readonly tenant: string;
  /** v1 is asked for a `resource`, v2 for a `scope`. */
  readonly version: 'v1' | 'v2';
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

/** With its tenant found, and no parameter given twice. */
export type TokenRequest = Omit<ReceivedTokenRequest, 'tenant'> & { readonly tenant: Tenant };

/** @throws EntraError `invalidRequest` when a parameter is given more than once (RFC 6749 §3.2) */
export function refuseRepeated(form: URLSearchParams): void {
  if (new Set(form.keys()).size < form.size) {
    throw new EntraError('invalidRequest', 'A parameter is given more than once.');
  }
}

/** @throws EntraError `invalidRequest` when it is missing or empty */
export function requiredParameter(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value !== null && value !== '') return value;
  throw new EntraError('invalidRequest', `The request body must contain the following parameter: '${name}'.`);
}
