import { KEYS_SCOPE, keyScope, POOL_SCOPE, type Scope } from '../../model/scope.ts';
import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';
import type { Route } from '../route.ts';

const WIDE_SCOPES: Readonly<Record<Route['scope'], Scope | undefined>> = {
  key: undefined,
  keys: KEYS_SCOPE,
  pool: POOL_SCOPE,
};

/** May they? Before the body is read, and before the key is looked for: a caller without the right never learns whether there is one. */
export function authorize({ principal, route, key }: Exchange, { authorizer }: Parts): void {
  if (principal === undefined) throw new TypeError('Nobody has been authenticated.');
  const { dataAction } = route;
  const target = WIDE_SCOPES[route.scope] ?? keyScope(key.name);
  if (typeof dataAction === 'string') authorizer.authorize(principal, dataAction, target);
  else authorizer.authorizeAny(principal, dataAction, target);
}
