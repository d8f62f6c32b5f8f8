import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';
import { targetScope } from '../target_scope.ts';

/** May they? Before the body is read, and before the key is looked for: a caller without the right never learns whether there is one. */
export function authorize({ principal, route, key }: Exchange, { roles: { authorizer } }: Parts): void {
  if (principal === undefined) throw new TypeError('Nobody has been authenticated.');
  const { dataAction } = route;
  const target = targetScope(route, key.name);
  if (typeof dataAction === 'string') authorizer.authorize(principal, dataAction, target);
  else authorizer.authorizeAny(principal, dataAction, target);
}
