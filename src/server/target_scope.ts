import { KEYS_SCOPE, keyScope, POOL_SCOPE, type Scope } from '../model/scope.ts';
import type { Route } from './route.ts';

const WIDE_SCOPES: Readonly<Record<Route['scope'], Scope | undefined>> = {
  key: undefined,
  keys: KEYS_SCOPE,
  pool: POOL_SCOPE,
};

/** What a request is about, and what its data action must be held for. */
export function targetScope({ scope }: Pick<Route, 'scope'>, keyName: string): Scope {
  return WIDE_SCOPES[scope] ?? keyScope(keyName);
}
