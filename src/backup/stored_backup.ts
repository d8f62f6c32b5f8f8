import { LIMITS } from '../model/limits.ts';
import type { Sealer } from '../store/sealed_documents.ts';
import type { WholeKey } from '../store/store.ts';
import { BackupCipher, domainOf } from './backup_cipher.ts';
import type { BackupContainer } from './backup_container.ts';
import { type BackupEntry, decodeEntry } from './backup_entry.ts';
import {
  backupDamaged,
  backupNotFound,
  chunkName,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST,
  type ManifestBody,
  type ManifestHeader,
  otherDomain,
} from './backup_format.ts';

const MANIFEST_NUMBER = 0;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** A backup as it is read: nothing comes out of it that a pool of this security domain has not written into it, as it was written. */
export class StoredBackup {
  readonly manifest: ManifestBody;
  readonly #cipher: BackupCipher;
  readonly #container: BackupContainer;
  readonly #folder: string;
  readonly #signal: AbortSignal;

  private constructor(
    manifest: ManifestBody,
    cipher: BackupCipher,
    container: BackupContainer,
    folder: string,
    signal: AbortSignal,
  ) {
    this.manifest = manifest;
    this.#cipher = cipher;
    this.#container = container;
    this.#folder = folder;
    this.#signal = signal;
  }

  /**
   * @throws StrongroomError `NotFound` (`BackupNotFound`), `BadParameter` (`BackupDamaged`, `BackupOfOtherDomain`), or what the container throws
   */
  static async open(
    sealer: Sealer,
    container: BackupContainer,
    folder: string,
    signal: AbortSignal,
  ): Promise<StoredBackup> {
    const bytes = await container.read(`${folder}/${MANIFEST}`, LIMITS.backupPartBytesMost, signal);
    if (bytes === undefined) throw backupNotFound();
    const { header, body } = readManifest(bytes);
    if (header.domain !== (await domainOf(sealer))) throw otherDomain();
    const cipher = await BackupCipher.derive(sealer, Buffer.from(header.salt, 'base64url'), JSON.stringify(header));
    const text = await cipher.open(MANIFEST_NUMBER, Buffer.from(body, 'base64url'));
    if (text === undefined) throw backupDamaged('its manifest is not what was written');
    return new StoredBackup(JSON.parse(text) as ManifestBody, cipher, container, folder, signal);
  }

  /** All of it, in the order in which it was written. @throws StrongroomError `BadParameter` (`BackupDamaged`), or what the container throws */
  async *entries(): AsyncGenerator<BackupEntry> {
    for (const index of this.manifest.chunks.keys()) yield* await this.#chunk(index);
  }

  /** The key of that name, if it has one. */
  async findKey(name: string): Promise<WholeKey | undefined> {
    const index = this.manifest.chunks.findIndex(
      ({ firstKey, lastKey }) => firstKey !== undefined && lastKey !== undefined && firstKey <= name && name <= lastKey,
    );
    if (index === -1) return undefined;
    const entries = await this.#chunk(index);
    return entries
      .flatMap((entry) => (entry.kind === 'key' ? entry.key : []))
      .find(({ key }) => key.record.name === name);
  }

  /** It is not read any more. */
  close(): void {
    this.#cipher.forget();
  }

  async #chunk(index: number): Promise<BackupEntry[]> {
    this.#signal.throwIfAborted();
    const number = index + 1;
    const { bytes: expected } = this.manifest.chunks[index] as ManifestBody['chunks'][number];
    const sealed = await this.#container.read(`${this.#folder}/${chunkName(number)}`, expected, this.#signal);
    if (sealed === undefined) throw backupDamaged(`${chunkName(number)} is missing`);
    const text = sealed.length === expected ? await this.#cipher.open(number, sealed) : undefined;
    if (text === undefined) throw backupDamaged(`${chunkName(number)} is not what was written`);
    return text.split('\n').map(decodeEntry);
  }
}

interface ReadManifest {
  readonly header: ManifestHeader;
  readonly body: string;
}

function readManifest(bytes: Uint8Array): ReadManifest {
  const damaged = backupDamaged('its manifest cannot be read');
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw damaged;
  }
  if (typeof parsed !== 'object' || parsed === null) throw damaged;
  const { format, version, domain, salt, body } = parsed as Record<string, unknown>;
  if (format !== FORMAT) throw damaged;
  if (version !== FORMAT_VERSION) throw backupDamaged(`version ${Number(version)} of the format is not known here`);
  if (!isBase64url(domain) || !isBase64url(salt) || !isBase64url(body)) throw damaged;
  return { header: { format: FORMAT, version: FORMAT_VERSION, domain, salt }, body };
}

/** In the one form that its bytes have: the last character has bits of which decoders see nothing. */
const isBase64url = (value: unknown): value is string =>
  typeof value === 'string' && BASE64URL.test(value) && Buffer.from(value, 'base64url').toString('base64url') === value;
