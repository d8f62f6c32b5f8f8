import { createCipheriv, createDecipheriv } from 'node:crypto';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { LIMITS } from '../model/limits.ts';
import type { Sealer } from '../store/sealed_documents.ts';

/*
 * Each backup has an AES-256 key of its own: the HMAC of its salt by the seal key, which is one of the pool keys and so part of the security
 * domain. Parts are sealed with AES-GCM under their number as the nonce, so a part can be neither another, nor another's, nor of another
 * backup; how many there are is in part 0, the manifest. Only a token with the pool keys can derive the key, so what opens under it was
 * written by a pool of the domain.
 */

const TAG_BYTES = 16;
const NONCE_BYTES = 12;
/** What the seal key is asked for: no record begins with these bytes. */
const KEY_CONTEXT = Buffer.from('strongroom/backup_encryption/1\0', 'latin1');
const DOMAIN_CONTEXT = Buffer.from('strongroom/backup_domain/1\0', 'latin1');

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** What names the security domain of the pool without telling anything of its keys, base64url. */
export async function domainOf(sealer: Sealer): Promise<string> {
  return Buffer.from(await sealer.seal(DOMAIN_CONTEXT)).toString('base64url');
}

/** Seals and opens the parts of one backup. */
export class BackupCipher {
  readonly #key: Uint8Array;
  /** What every part is bound to beside its number. */
  readonly #header: Uint8Array;

  private constructor(key: Uint8Array, header: string) {
    this.#key = key;
    this.#header = Buffer.from(header, 'utf8');
  }

  static async derive(sealer: Sealer, salt: Uint8Array, header: string): Promise<BackupCipher> {
    return new BackupCipher(await sealer.seal(Buffer.concat([KEY_CONTEXT, salt])), header);
  }

  async seal(number: number, text: string): Promise<Uint8Array> {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(number)).setAAD(this.#header);
    const ciphertext = cipher.update(await deflate(Buffer.from(text, 'utf8')));
    return new Uint8Array(Buffer.concat([ciphertext, cipher.final(), cipher.getAuthTag()]));
  }

  /** Undefined for everything that was not sealed under this number and header. */
  async open(number: number, sealed: Uint8Array): Promise<string | undefined> {
    if (sealed.length < TAG_BYTES) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonceOf(number), { authTagLength: TAG_BYTES });
    decipher.setAAD(this.#header).setAuthTag(sealed.subarray(-TAG_BYTES));
    const compressed = decipher.update(sealed.subarray(0, -TAG_BYTES));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return (await inflate(compressed, { maxOutputLength: LIMITS.backupPartBytesMost })).toString('utf8');
  }

  forget(): void {
    this.#key.fill(0);
  }
}

function nonceOf(number: number): Uint8Array {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32BE(number, NONCE_BYTES - 4);
  return nonce;
}
