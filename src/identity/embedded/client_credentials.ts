import { EntraError } from './entra_error.ts';
import { requiredParameter } from './token_request.ts';

/** What a client shows of itself at the token endpoint. */
export type ClientCredentials =
  | { readonly kind: 'secret'; readonly clientId: string; readonly secret: string }
  | { readonly kind: 'assertion'; readonly clientId: string; readonly assertion: string };

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * Reads them from the form (`client_secret_post`, or an assertion by RFC 7523 §2.2) or from the Authorization header (`client_secret_basic`),
 * never from two places (RFC 6749 §2.3).
 * @throws EntraError `invalidRequest` or `secretMissing`
 */
export function readClientCredentials(form: URLSearchParams, authorization: string | undefined): ClientCredentials {
  const secret = form.get('client_secret') ?? '';
  const assertion = form.get('client_assertion') ?? '';
  const basic = authorization === undefined ? undefined : readBasic(authorization);
  if ([secret, assertion, basic?.secret ?? ''].filter((each) => each !== '').length > 1) {
    throw new EntraError('invalidRequest', 'The client authenticates in more than one way at once.');
  }
  if (basic !== undefined) {
    if (form.has('client_id') && form.get('client_id') !== basic.clientId) {
      throw new EntraError(
        'invalidRequest',
        'The client calls itself one thing in the header and another in the body.',
      );
    }
    return { kind: 'secret', ...basic };
  }
  const clientId = requiredParameter(form, 'client_id');
  if (assertion !== '') {
    if (form.get('client_assertion_type') === ASSERTION_TYPE) return { kind: 'assertion', clientId, assertion };
    throw new EntraError('invalidRequest', `The client_assertion_type must be '${ASSERTION_TYPE}'.`);
  }
  if (secret !== '') return { kind: 'secret', clientId, secret };
  throw new EntraError(
    'secretMissing',
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  );
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i;

function readBasic(authorization: string): { clientId: string; secret: string } | undefined {
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
