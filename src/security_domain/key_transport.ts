import type { KeyObject } from 'node:crypto';
import { CompactEncrypt, compactDecrypt, errors } from 'jose';
import { CONTENT_ENCRYPTION, plainCompact, wrongDomain } from './domain_cipher.ts';

const TO_A_KEY = 'RSA-OAEP-256';

/** To whoever has the private key (Azure API, appendix B.3). */
export function encryptTo(publicKey: KeyObject, content: Uint8Array): Promise<string> {
  return new CompactEncrypt(content)
    .setProtectedHeader({ alg: TO_A_KEY, enc: CONTENT_ENCRYPTION, kid: 'not used' })
    .encrypt(publicKey);
}

/** @throws StrongroomError `BadParameter` (`SecurityDomainWrong`) */
export async function decryptWith(privateKey: KeyObject, encrypted: string, what: string): Promise<Uint8Array> {
  try {
    const { plaintext } = await compactDecrypt(plainCompact(encrypted), privateKey, {
      keyManagementAlgorithms: [TO_A_KEY],
      contentEncryptionAlgorithms: [CONTENT_ENCRYPTION],
    });
    return plaintext;
  } catch (error) {
    if (error instanceof errors.JOSEError) throw wrongDomain(`${what} cannot be opened with this private key`, error);
    throw error;
  }
}
