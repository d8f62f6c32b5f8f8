import { createHmac } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, errors } from 'jose';
import { StrongroomError } from '../model/errors.ts';

/** One of the secrets of a security domain, by its name. */
export interface DomainItem {
  readonly tag: string;
  readonly content: Uint8Array;
}

export interface EncryptedItem {
  readonly compact_jwe: string;
  readonly tag: string;
}

/** Of RFC 7518 §5.2.5: half of the 64 bytes of its key authenticates, half encrypts. */
export const CONTENT_ENCRYPTION = 'A256CBC-HS512';
export const MASTER_KEY_BYTES = 32;

const DERIVED_BITS = 512;

/** What a security domain keeps, under a key of its own for each tag (Azure API, appendix B.2). */
export function encryptItem(masterKey: Uint8Array, { tag, content }: DomainItem): Promise<string> {
  return new CompactEncrypt(content)
    .setProtectedHeader({ alg: 'dir', enc: CONTENT_ENCRYPTION, kid: tag })
    .encrypt(deriveKey(masterKey, tag));
}

/** @throws StrongroomError `BadParameter` (`SecurityDomainWrong`) when it was encrypted under another key, or changed */
export async function decryptItem(masterKey: Uint8Array, { compact_jwe, tag }: EncryptedItem): Promise<DomainItem> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(plainCompact(compact_jwe), deriveKey(masterKey, tag), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: [CONTENT_ENCRYPTION],
    });
    if (protectedHeader.kid !== tag) throw wrongDomain('an item stands under the name of another');
    return { tag, content: plaintext };
  } catch (error) {
    if (error instanceof errors.JOSEError) throw wrongDomain('its key does not open what is in it', error);
    throw error;
  }
}

/** Older command lines encode the whole token in base64url once more. */
export function plainCompact(text: string): string {
  return text.includes('.') ? text : Buffer.from(text, 'base64url').toString('latin1');
}

export function wrongDomain(why: string, cause?: unknown): StrongroomError {
  return new StrongroomError('BadParameter', `The security domain is not acceptable: ${why}.`, {
    innerCode: 'SecurityDomainWrong',
    cause,
  });
}

/** SP 800-108r1 §4.1, counter mode with HMAC-SHA-512 and an empty context; one block is all that is needed. */
function deriveKey(masterKey: Uint8Array, label: string): Uint8Array {
  const counter = Buffer.from([0, 0, 0, 1]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(DERIVED_BITS);
  const input = Buffer.concat([counter, Buffer.from(label, 'utf8'), Buffer.from([0]), length]);
  return createHmac('sha512', masterKey).update(input).digest();
}
