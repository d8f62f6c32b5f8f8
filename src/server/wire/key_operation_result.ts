import { encodeBase64url } from './base64url.ts';

/**
 * KeyOperationResult and its kin, put together as text: a key identifier and base64url hold nothing that JSON would escape, and these are
 * the answers that are given thousands of times a second.
 */
export function keyOperationResult(kid: string, value: Uint8Array): string {
  return `{"kid":"${kid}","value":"${encodeBase64url(value)}"}`;
}

export interface EncryptedValue {
  readonly ciphertext: Uint8Array;
  readonly iv?: Uint8Array;
  readonly tag?: Uint8Array;
  readonly aad?: Uint8Array;
}

export function encryptResult(kid: string, { ciphertext, iv, tag, aad }: EncryptedValue): string {
  const members = `${optional('iv', iv)}${optional('tag', tag)}${optional('aad', aad)}`;
  return `{"kid":"${kid}","value":"${encodeBase64url(ciphertext)}"${members}}`;
}

export function verifyResult(valid: boolean): string {
  return valid ? '{"value":true}' : '{"value":false}';
}

/** RandomBytes and BackupKeyResult: bytes that belong to no key version. */
export function bytesResult(bytes: Uint8Array): string {
  return `{"value":"${encodeBase64url(bytes)}"}`;
}

function optional(name: string, bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : `,"${name}":"${encodeBase64url(bytes)}"`;
}
