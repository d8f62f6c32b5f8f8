import { mkdir, open, rename } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { badParameter } from '../model/errors.ts';
import type { MechanismName } from './mechanism.ts';

/**
 * What Strongroom uses of SoftHSM. The library copies its whole mechanism list for each operation, so a short one is worth 1.3 to 1.5
 * times the AES and HMAC operations.
 */
const USED_MECHANISMS: readonly MechanismName[] = [
  'CKM_RSA_PKCS_KEY_PAIR_GEN',
  'CKM_RSA_PKCS',
  'CKM_RSA_X_509',
  'CKM_RSA_PKCS_OAEP',
  'CKM_RSA_PKCS_PSS',
  'CKM_EC_KEY_PAIR_GEN',
  'CKM_ECDSA',
  'CKM_AES_KEY_GEN',
  'CKM_AES_CBC',
  'CKM_AES_CBC_PAD',
  'CKM_AES_GCM',
  'CKM_AES_KEY_WRAP',
  'CKM_AES_KEY_WRAP_PAD',
  'CKM_GENERIC_SECRET_KEY_GEN',
  'CKM_SHA256',
  'CKM_SHA256_HMAC',
  'CKM_SHA384_HMAC',
  'CKM_SHA512_HMAC',
];

export interface SoftHsmConfiguration {
  /** Where softhsm2.conf goes; SOFTHSM2_CONF names it to the library. */
  readonly path: string;
  /** Where SoftHSM keeps its tokens, a directory each. Made when it is not there. */
  readonly tokenDirectory: string;
}

/** SoftHSM ends a value at the line's end or at a number sign, and knows no way to quote either. */
const UNQUOTABLE = /[\p{Cc}#]/u;

/**
 * Writes a softhsm2.conf for tokens in files.
 * @throws StrongroomError `BadParameter` for a token directory that the file's format cannot hold.
 */
export async function writeSoftHsmConfiguration({ path, tokenDirectory }: SoftHsmConfiguration): Promise<void> {
  if (!isAbsolute(tokenDirectory) || UNQUOTABLE.test(tokenDirectory) || tokenDirectory !== tokenDirectory.trim()) {
    throw badParameter(
      'tokenDirectory',
      'an absolute path without control characters, number signs and outer blanks',
      tokenDirectory,
    );
  }
  await mkdir(tokenDirectory, { recursive: true, mode: 0o700 });
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const lines = [
    `directories.tokendir = ${tokenDirectory}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
    // A blank after a comma would make SoftHSM 2.6.1 overlook the mechanism behind it.
    `slots.mechanisms = ${USED_MECHANISMS.join(',')}`,
    'library.reset_on_fork = false',
  ];
  await replaceFile(path, `${lines.join('\n')}\n`);
}

/** A library that starts at this moment reads the old file or the new one, never half of one. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const unfinished = `${path}.new`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
  await syncEntry(dirname(path));
}

/** A file, or the names in a directory. */
export async function syncEntry(path: string): Promise<void> {
  const entry = await open(path, 'r');
  try {
    await entry.sync();
  } finally {
    await entry.close();
  }
}
