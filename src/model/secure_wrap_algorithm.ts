import type { HashName } from './algorithm.ts';
import type { KeyType } from './key.ts';

/** How secure wrap puts a new key under a key of the pool, one row each (Azure API §1.16). */
export interface SecureWrapAlgorithm {
  readonly name: SecureWrapAlgorithmName;
  readonly keyType: KeyType;
  /** The only size of wrapping key that it works with, in bits. */
  readonly keySize?: number;
  readonly mechanism: 'CKM_AES_KEY_WRAP' | 'CKM_AES_KEY_WRAP_PAD' | 'CKM_RSA_PKCS_OAEP';
  /** Of OAEP. */
  readonly hash?: HashName;
}

export type SecureWrapAlgorithmName =
  | 'RSA-OAEP-256'
  | 'A128KW'
  | 'A192KW'
  | 'A256KW'
  | 'A128KWPAD'
  | 'A192KWPAD'
  | 'A256KWPAD'
  | 'CKM_AES_KEY_WRAP'
  | 'CKM_AES_KEY_WRAP_PAD';

const aes = (
  name: SecureWrapAlgorithmName,
  mechanism: 'CKM_AES_KEY_WRAP' | 'CKM_AES_KEY_WRAP_PAD',
  keySize?: number,
): SecureWrapAlgorithm => ({ name, keyType: 'oct-HSM', mechanism, ...(keySize !== undefined && { keySize }) });

const ROWS: readonly SecureWrapAlgorithm[] = [
  { name: 'RSA-OAEP-256', keyType: 'RSA-HSM', mechanism: 'CKM_RSA_PKCS_OAEP', hash: 'SHA-256' },
  aes('A128KW', 'CKM_AES_KEY_WRAP', 128),
  aes('A192KW', 'CKM_AES_KEY_WRAP', 192),
  aes('A256KW', 'CKM_AES_KEY_WRAP', 256),
  aes('A128KWPAD', 'CKM_AES_KEY_WRAP_PAD', 128),
  aes('A192KWPAD', 'CKM_AES_KEY_WRAP_PAD', 192),
  aes('A256KWPAD', 'CKM_AES_KEY_WRAP_PAD', 256),
  aes('CKM_AES_KEY_WRAP', 'CKM_AES_KEY_WRAP'),
  aes('CKM_AES_KEY_WRAP_PAD', 'CKM_AES_KEY_WRAP_PAD'),
];

const BY_FOLDED_NAME: ReadonlyMap<string, SecureWrapAlgorithm> = new Map(
  ROWS.map((row) => [row.name.toLowerCase(), row]),
);

/** The row of a name as clients spell it: upper and lower case are the same (Azure API §1.25, 15). */
export function findSecureWrapAlgorithm(name: string): SecureWrapAlgorithm | undefined {
  return BY_FOLDED_NAME.get(name.toLowerCase());
}
