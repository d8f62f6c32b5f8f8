import type { KeyType } from './key.ts';

/** What a key may be used for: the values of `key_ops` (Azure API §1.8). */
export type KeyOperation = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'wrapKey' | 'unwrapKey' | 'import' | 'export';

export const KEY_OPERATIONS: readonly KeyOperation[] = [
  'encrypt',
  'decrypt',
  'sign',
  'verify',
  'wrapKey',
  'unwrapKey',
  'import',
  'export',
];

/** Granted when a create or import names none. */
export const DEFAULT_KEY_OPERATIONS: Readonly<Record<KeyType, readonly KeyOperation[]>> = {
  'RSA-HSM': ['wrapKey', 'decrypt', 'encrypt', 'unwrapKey', 'sign', 'verify'],
  'EC-HSM': ['sign', 'verify'],
  'oct-HSM': ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'],
};

/** What a kind of key can do at all; naming another operation for it is a caller's mistake. */
export const POSSIBLE_KEY_OPERATIONS: Readonly<Record<KeyType, ReadonlySet<KeyOperation>>> = {
  'RSA-HSM': new Set(KEY_OPERATIONS),
  'EC-HSM': new Set<KeyOperation>(['sign', 'verify', 'export']),
  'oct-HSM': new Set<KeyOperation>(['encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'sign', 'verify', 'export']),
};

/** Outside `[nbf, exp)` these are refused; decrypt, unwrapKey, verify and release still work (Azure API §1.8). */
export const OPERATIONS_BOUND_BY_DATES: ReadonlySet<KeyOperation> = new Set<KeyOperation>([
  'sign',
  'encrypt',
  'wrapKey',
]);
