import { LIMITS } from '../../model/limits.ts';
import type { AudienceRule } from '../issuer.ts';
import { readDelegatedAccess } from './delegated_access.ts';
import type { Directory } from './directory.ts';
import type { Application, Tenant } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';
import { findClient } from './known_client.ts';
import { isRegistered } from './redirect_uri.ts';
import type { RequestedAccess } from './requested_access.ts';
import { refuseRepeated, requiredParameter } from './token_request.ts';

const RESPONSE_MODES = ['query', 'form_post'] as const;

/** Where the answer to an authorization request goes: known to be the application's own. */
export interface ReplyAddress {
  readonly tenant: Tenant;
  readonly application: Application;
  readonly redirectUri: string;
  readonly responseMode: (typeof RESPONSE_MODES)[number];
  readonly state: string | undefined;
}

/** What an application asks a person for (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1). */
export interface AuthorizationRequest {
  readonly reply: ReplyAddress;
  readonly access: RequestedAccess;
  readonly challenge: string | undefined;
  readonly nonce: string | undefined;
  readonly loginHint: string;
}

/**
 * What is wrong with these is told to the person and not to the address, which may be anybody's (RFC 6749 §4.1.2.1).
 * @throws EntraError
 */
export function readReplyAddress(query: URLSearchParams, tenant: Tenant, directory: Directory): ReplyAddress {
  refuseRepeated(query);
  const { application } = findClient(directory, tenant, requiredParameter(query, 'client_id'));
  const redirectUri = requiredParameter(query, 'redirect_uri');
  if (!isRegistered(redirectUri, application.redirectUris, application.isPublicClient)) {
    const message = `The redirect URI specified in the request is not one of those of application '${application.clientId}'.`;
    throw new EntraError('redirectUriUnknown', message);
  }
  const state = query.get('state') ?? undefined;
  if (state !== undefined && state.length > LIMITS.authorizationStateCharacters) {
    throw new EntraError('requestMalformed', 'The state is too long.');
  }
  const responseMode = RESPONSE_MODES.find((mode) => mode === (query.get('response_mode') ?? 'query')) ?? 'query';
  return { tenant, application, redirectUri, responseMode, state };
}

/** What is wrong with the rest is told to the application. @throws EntraError */
export function readAuthorizationRequest(
  query: URLSearchParams,
  reply: ReplyAddress,
  resources: AudienceRule,
): AuthorizationRequest {
  for (const [name, isServed, code, message] of RULES) {
    const value = query.get(name);
    if (!isServed(value)) throw new EntraError(code, message);
  }
  const challenge = query.get('code_challenge') ?? undefined;
  const method = query.get('code_challenge_method') ?? undefined;
  if (challenge === undefined ? method !== undefined : method !== 'S256' || !S256_CHALLENGE.test(challenge)) {
    throw new EntraError('challengeInvalid', "Expected a code_challenge with the code_challenge_method 'S256'.");
  }
  // An application with a secret shows it when it redeems the code, so a stolen one is of no use without (RFC 9700 §2.1.1).
  if (challenge === undefined && reply.application.isPublicClient) {
    throw new EntraError('challengeInvalid', 'Proof Key for Code Exchange is required of a public client.');
  }
  return {
    reply,
    access: readDelegatedAccess({ form: query, version: query.has('resource') ? 'v1' : 'v2' }, resources),
    challenge,
    nonce: query.get('nonce') ?? undefined,
    loginHint: (query.get('login_hint') ?? '').slice(0, LIMITS.userNameCharacters),
  };
}

/** BASE64URL of a SHA-256. */
const S256_CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const PROMPTS: ReadonlySet<string> = new Set(['', 'login', 'select_account', 'consent', 'create']);

type Rule = readonly [
  parameter: string,
  isServed: (value: string | null) => boolean,
  code: ConstructorParameters<typeof EntraError>[0],
  message: string,
];

const RULES: readonly Rule[] = [
  ['response_type', (value) => value !== null, 'requestMalformed', "The request must contain 'response_type'."],
  ['response_type', (value) => value === 'code', 'responseTypeUnsupported', "The response_type must be 'code'."],
  [
    'response_mode',
    (value) => value === null || RESPONSE_MODES.some((mode) => mode === value),
    'requestMalformed',
    "The response_mode must be 'query' or 'form_post'.",
  ],
  ['request', (value) => value === null, 'requestObjectUnsupported', 'Request objects are not supported.'],
  ['request_uri', (value) => value === null, 'requestObjectUnsupported', 'Request objects are not supported.'],
  ['nonce', (value) => (value ?? '').length <= LIMITS.nonceCharacters, 'requestMalformed', 'The nonce is too long.'],
  ['prompt', (value) => value !== 'none', 'loginRequired', 'Nobody stays signed in here, and the prompt is none.'],
  ['prompt', (value) => PROMPTS.has(value ?? ''), 'requestMalformed', 'The prompt is not supported.'],
];
