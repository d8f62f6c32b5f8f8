import { EntraError } from './entra_error.ts';
import { requiredParameter } from './token_request.ts';

/** What a client shows of itself at the token endpoint. */
interface ClientCredentials {
  readonly clientId: string;
  readonly secret: string;
}

/**
 * Reads them from the form (`client_secret_post`) or from the Authorization header (`client_secret_basic`), never from both (RFC 6749 §2.3).
 * @throws EntraError `invalidRequest` or `secretMissing`
 */
export function readClientCredentials(form: URLSearchParams, authorization: string | undefined): ClientCredentials {
  const secret = form.get('client_secret');
  const basic = authorization === undefined ? undefined : readBasic(authorization);
  if (basic !== undefined) {
    if (secret !== null || (form.has('client_id') && form.get('client_id') !== basic.clientId)) {
      throw new EntraError('invalidRequest', 'The client authenticates in the header and in the body at once.');
    }
    return basic;
  }
  const clientId = requiredParameter(form, 'client_id');
  if (secret === null || secret === '') {
    throw new EntraError('secretMissing', "The request body must contain the following parameter: 'client_secret'.");
  }
  return { clientId, secret };
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;

function readBasic(authorization: string): ClientCredentials | undefined {
  const encoded = BASIC.exec(authorization)?.[1];
  const decoded = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon < 1) return undefined;
  try {
    return { clientId: decodeForm(decoded.slice(0, colon)), secret: decodeForm(decoded.slice(colon + 1)) };
  } catch {
    throw new EntraError('invalidRequest', 'The Authorization header is not encoded as RFC 6749 §2.3.1 has it.');
  }
}

function decodeForm(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}
