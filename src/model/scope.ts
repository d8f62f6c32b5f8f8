/**
 * Where a role assignment holds, and what a request is about: `/` is the whole pool, `/keys` every key, `/keys/{name}` one key.
 * Strings and not objects, because they are compared on each request and shown to callers as they are.
 */
export type Scope = '/' | '/keys' | `/keys/${string}`;

export const POOL_SCOPE = '/' satisfies Scope;
export const KEYS_SCOPE = '/keys' satisfies Scope;

export function keyScope(name: string): Scope {
  return `/keys/${name}`;
}

const KEY_SCOPE = /^\/keys\/[0-9A-Za-z-]{1,127}$/;

/** The scope that a text names, without a trailing slash; `undefined` when it names none. */
export function parseScope(text: string): Scope | undefined {
  const trimmed = text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text;
  if (trimmed === POOL_SCOPE || trimmed === KEYS_SCOPE || KEY_SCOPE.test(trimmed)) return trimmed as Scope;
  return undefined;
}

/** Whether what was assigned at `assigned` holds for `target`. */
export function scopeCovers(assigned: Scope, target: Scope): boolean {
  if (assigned === POOL_SCOPE || assigned === target) return true;
  return assigned === KEYS_SCOPE && target.startsWith('/keys/');
}

/** `/` and `/keys` are both the whole HSM to Azure: lists and limits take them as one. */
export function isWideScope(scope: Scope): boolean {
  return scope === POOL_SCOPE || scope === KEYS_SCOPE;
}
