import type { AudienceRule } from '../issuer.ts';
import { EntraError } from './entra_error.ts';
import { requiredParameter, type TokenRequest } from './token_request.ts';

/** What an access token is asked for. */
export interface RequestedAccess {
  /** The resource, as the client wrote it: the audience of the token. */
  readonly audience: string;
  /** What of the resource: names of delegated permissions, or `.default` for whatever is given without asking. */
  readonly permissions: readonly string[];
  /** `openid`, `profile`, `email`, `offline_access`: of use where a person signs in. */
  readonly openIdScopes: readonly string[];
}

export const DEFAULT_PERMISSION = '.default';
export const OPEN_ID_SCOPES: ReadonlySet<string> = new Set(['openid', 'profile', 'email', 'offline_access']);

/**
 * Reads `scope` (v2: one resource with a permission after the last slash, and scopes of OpenID Connect) or `resource` (v1).
 * @throws EntraError `invalidRequest`, `scopeInvalid` or `unknownResource`
 */
export function readRequestedAccess(
  { form, version }: Pick<TokenRequest, 'form' | 'version'>,
  resources: AudienceRule,
): RequestedAccess {
  if (version === 'v1') {
    const audience = known(requiredParameter(form, 'resource'), resources);
    return { audience, permissions: [DEFAULT_PERMISSION], openIdScopes: [] };
  }
  const scopes = requiredParameter(form, 'scope').split(' ');
  const openIdScopes = scopes.filter((scope) => OPEN_ID_SCOPES.has(scope));
  const others = scopes.filter((scope) => scope !== '' && !OPEN_ID_SCOPES.has(scope));
  const [audience, ...more] = new Set(others.map((scope) => scope.slice(0, Math.max(scope.lastIndexOf('/'), 0))));
  if (audience === undefined || audience === '' || more.length > 0) {
    throw new EntraError('scopeInvalid', 'The scope must be one resource with the name of a permission after it.');
  }
  const permissions = others.map((scope) => scope.slice(audience.length + 1));
  return { audience: known(audience, resources), permissions, openIdScopes };
}

function known(audience: string, resources: AudienceRule): string {
  if (resources.includes(audience)) return audience;
  throw new EntraError('unknownResource', 'The resource principal of the scope was not found in the tenant.');
}
