import { keyScope, POOL_SCOPE } from '../../model/scope.ts';
import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** May they? Before the body is read, and before the key is looked for: a caller without the right never learns whether there is one. */
export function authorize({ principal, route, key }: Exchange, { authorizer }: Parts): void {
  if (principal === undefined) throw new TypeError('Nobody has been authenticated.');
  const target = route.scope === 'pool' ? POOL_SCOPE : keyScope(key.name);
  authorizer.authorize(principal, route.dataAction, target);
}
