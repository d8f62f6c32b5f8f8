import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';

/*
 * header │ salt │ ciphertext │ tag │ seal
 *
 * The key of AES-256-GCM is the HMAC by the pool's seal key of the salt: the KEK wraps and unwraps and does nothing else, and a backup may
 * be longer than what one operation of the HSM takes in. A salt is used once, so that the IV need not be different each time. The seal is
 * the HMAC of everything before it. So only tokens that have the pool keys can read a backup, and no bit of it can be another.
 */
const HEADER = Buffer.from('StrongroomKeyBackup/1\n', 'latin1');
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const SEAL_BYTES = 32;
const IV = Buffer.alloc(12);
const SHORTEST = HEADER.length + SALT_BYTES + TAG_BYTES + SEAL_BYTES;

/** What the seal key is asked for: no record begins with these bytes. */
const KEY_CONTEXT = Buffer.from('strongroom/key_backup_encryption/1\0', 'latin1');
const SEAL_CONTEXT = Buffer.from('strongroom/key_backup/1\0', 'latin1');

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** @throws StrongroomError `NotSupported` when it is too long to be brought back */
export async function sealBackup(pool: HsmPool, text: string): Promise<Uint8Array> {
  const salt = randomBytes(SALT_BYTES);
  const plaintext = await deflate(Buffer.from(text, 'utf8'));
  const sealed = await withKey(pool, salt, (key) => {
    const cipher = createCipheriv('aes-256-gcm', key, IV).setAAD(HEADER);
    return [HEADER, salt, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
  });
  const body = Buffer.concat(sealed);
  const backup = Buffer.concat([body, await pool.seal(sealInput(body))]);
  if (backup.length > LIMITS.keyBackupBytes) {
    const message = `The backup of this key would be longer than ${LIMITS.keyBackupBytes} bytes.`;
    throw new StrongroomError('NotSupported', message, { innerCode: 'KeyBackupTooLarge' });
  }
  return new Uint8Array(backup);
}

/** @throws StrongroomError `BadParameter` for everything that this pool has not sealed as it is */
export async function openBackup(pool: HsmPool, backup: Uint8Array): Promise<string> {
  const fits = backup instanceof Uint8Array && backup.length >= SHORTEST && backup.length <= LIMITS.keyBackupBytes;
  if (!fits || Buffer.compare(backup.subarray(0, HEADER.length), HEADER) !== 0) throw notABackup();
  const body = backup.subarray(0, -SEAL_BYTES);
  if (!(await pool.verifySeal(sealInput(body), backup.subarray(-SEAL_BYTES)))) throw notABackup();
  const salt = body.subarray(HEADER.length, HEADER.length + SALT_BYTES);
  const ciphertext = body.subarray(HEADER.length + SALT_BYTES, -TAG_BYTES);
  const plaintext = await withKey(pool, salt, (key) => {
    const decipher = createDecipheriv('aes-256-gcm', key, IV, { authTagLength: TAG_BYTES }).setAAD(HEADER);
    decipher.setAuthTag(body.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  });
  return (await inflate(plaintext)).toString('utf8');
}

async function withKey<Result>(pool: HsmPool, salt: Uint8Array, use: (key: Uint8Array) => Result): Promise<Result> {
  const key = await pool.seal(Buffer.concat([KEY_CONTEXT, salt]));
  try {
    return use(key);
  } finally {
    key.fill(0);
  }
}

function sealInput(body: Uint8Array): Uint8Array {
  return Buffer.concat([SEAL_CONTEXT, createHash('sha256').update(body).digest()]);
}

function notABackup(): StrongroomError {
  return new StrongroomError('BadParameter', 'Expected the backup of a key of this HSM pool for value.');
}
