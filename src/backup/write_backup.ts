import { randomBytes } from 'node:crypto';
import { LIMITS } from '../model/limits.ts';
import type { Sealer } from '../store/sealed_documents.ts';
import { BackupCipher, domainOf } from './backup_cipher.ts';
import type { BackupContainer } from './backup_container.ts';
import { type BackupEntry, encodeEntry } from './backup_entry.ts';
import {
  type ChunkDescription,
  chunkName,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST,
  type ManifestBody,
  type ManifestHeader,
} from './backup_format.ts';
import type { PoolContents } from './pool_contents.ts';

const SALT_BYTES = 32;
const MANIFEST_NUMBER = 0;

export interface BackupTarget {
  readonly container: BackupContainer;
  readonly folder: string;
  readonly hsmName: string;
  /** Unix seconds. */
  readonly started: number;
}

/** How far it has come. */
export interface BackupCounts {
  readonly keys: number;
  readonly versions: number;
}

/**
 * Writes the contents of the pool into the folder, one chunk at a time, so that memory holds no more than that. What is there without a
 * manifest is no backup: it comes last.
 * @throws StrongroomError whatever the contents or the container throw
 */
export async function writeBackup(
  contents: PoolContents,
  sealer: Sealer,
  target: BackupTarget,
  signal: AbortSignal,
  onProgress: (counts: BackupCounts) => void,
): Promise<BackupCounts> {
  const salt = randomBytes(SALT_BYTES);
  const domain = await domainOf(sealer);
  const header: ManifestHeader = {
    format: FORMAT,
    version: FORMAT_VERSION,
    domain,
    salt: salt.toString('base64url'),
  };
  const cipher = await BackupCipher.derive(sealer, salt, JSON.stringify(header));
  try {
    const chunks = new ChunkWriter(cipher, target, signal);
    const documents = await contents.documents();
    for (const document of documents) await chunks.add({ kind: 'document', document });
    let keys = 0;
    let versions = 0;
    for await (const some of contents.keys()) {
      for (const key of some) {
        await chunks.add({ kind: 'key', key });
        versions += key.versions.length;
      }
      keys += some.length;
      onProgress({ keys, versions });
    }
    const body: ManifestBody = {
      hsmName: target.hsmName,
      started: target.started,
      keys,
      versions,
      documents: documents.length,
      chunks: await chunks.end(),
    };
    const sealed = await cipher.seal(MANIFEST_NUMBER, JSON.stringify(body));
    const manifest = JSON.stringify({ ...header, body: Buffer.from(sealed).toString('base64url') });
    await target.container.write(`${target.folder}/${MANIFEST}`, Buffer.from(manifest, 'utf8'), signal);
    return { keys, versions };
  } finally {
    cipher.forget();
  }
}

/** Gathers entries until there are enough for a chunk. */
class ChunkWriter {
  readonly #cipher: BackupCipher;
  readonly #target: BackupTarget;
  readonly #signal: AbortSignal;
  readonly #written: ChunkDescription[] = [];
  #lines: string[] = [];
  #characters = 0;
  #firstKey: string | undefined;
  #lastKey: string | undefined;

  constructor(cipher: BackupCipher, target: BackupTarget, signal: AbortSignal) {
    this.#cipher = cipher;
    this.#target = target;
    this.#signal = signal;
  }

  async add(entry: BackupEntry): Promise<void> {
    const line = encodeEntry(entry);
    if (this.#characters + line.length > LIMITS.backupChunkCharacters) await this.#write();
    this.#lines.push(line);
    this.#characters += line.length;
    if (entry.kind === 'document') return;
    this.#lastKey = entry.key.key.record.name;
    this.#firstKey ??= this.#lastKey;
  }

  async end(): Promise<readonly ChunkDescription[]> {
    await this.#write();
    return this.#written;
  }

  async #write(): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#lines.length === 0) return;
    const number = this.#written.length + 1;
    const sealed = await this.#cipher.seal(number, this.#lines.join('\n'));
    await this.#target.container.write(`${this.#target.folder}/${chunkName(number)}`, sealed, this.#signal);
    this.#written.push({ bytes: sealed.length, firstKey: this.#firstKey, lastKey: this.#lastKey });
    this.#lines = [];
    this.#characters = 0;
    this.#firstKey = undefined;
    this.#lastKey = undefined;
  }
}
