import { encodeDocumentChange } from './document_change_row.ts';
import { decodeDocumentRow, encodeDocumentRow } from './document_row.ts';
import { decodeFoundRow } from './found_row.ts';
import { decodeIntentRow, encodeIntentRow } from './intent_row.ts';
import { encodeKeyChange } from './key_change_rows.ts';
import { decodeKeyVersionRow } from './key_version_row.ts';
import { openForReading } from './sqlite_database.ts';
import { SqliteReader } from './sqlite_reader.ts';
import type {
  DocumentChange,
  FoundKeyVersion,
  KeyChange,
  KeyLimits,
  ListQuery,
  Replacement,
  Resealing,
  SealedDocument,
  SealedIntent,
  SealedKeyVersion,
  Store,
  WholeKey,
} from './store.ts';
import { storeClosed } from './store_refusal.ts';
import { decodeWholeKeys, encodeStagedKeys } from './whole_key_rows.ts';
import { WriterThread } from './writer_thread.ts';

/** The store of one node: a SQLite database, read here and written to by a thread of its own. */
export class SqliteStore implements Store {
  readonly #writer: WriterThread;
  readonly #open: SqliteReader;
  readonly #listeners: ((unknown: undefined) => void)[] = [];
  #closed = false;

  private constructor(writer: WriterThread, reader: SqliteReader) {
    this.#writer = writer;
    this.#open = reader;
  }

  /**
   * Opens the database at `path`, makes it where there is none, and brings its schema up to date.
   * @throws StrongroomError `ServiceUnavailable`, with innerCode `StoreInUse`, `StoreTooNew`, `StoreSchemaChanged`, `SqliteTooOld`
   * or `StoreNotOpened`
   */
  static async open(path: string): Promise<SqliteStore> {
    const writer = await WriterThread.start(path);
    try {
      return new SqliteStore(writer, new SqliteReader(openForReading(path)));
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  async findKeyVersion(name: string, version: string | undefined): Promise<FoundKeyVersion | undefined> {
    const row = this.#reader.keyVersion(name, version);
    return row === undefined ? undefined : decodeFoundRow(row);
  }

  async listKeys(kind: 'active' | 'deleted', query: ListQuery): Promise<readonly FoundKeyVersion[]> {
    return this.#reader.keys(kind, query).map(decodeFoundRow);
  }

  async listKeyVersions(name: string, query: ListQuery): Promise<readonly SealedKeyVersion[]> {
    return this.#reader.versions(name, query).map(decodeKeyVersionRow);
  }

  async listWholeKeys(query: ListQuery): Promise<readonly WholeKey[]> {
    return decodeWholeKeys(this.#reader.wholeKeys(query));
  }

  async listDueKeys(now: number, limit: number): Promise<readonly string[]> {
    return this.#reader.due(now, limit).map(({ name }) => String(name));
  }

  async changeKey(change: KeyChange, limits: KeyLimits): Promise<void> {
    await this.#writer.write({ kind: 'changeKey', change: encodeKeyChange(change), limits });
  }

  reserveEncryptions(name: string, version: string, count: number, maximum: number): Promise<number> {
    return this.#writer.write({ kind: 'reserveEncryptions', name, version, count, maximum });
  }

  async addIntent(intent: SealedIntent): Promise<void> {
    await this.#writer.write({ kind: 'addIntent', row: encodeIntentRow(intent) });
  }

  async endIntent(id: string): Promise<void> {
    await this.#writer.write({ kind: 'endIntent', id });
  }

  async listIntents(token: string): Promise<readonly SealedIntent[]> {
    return this.#reader.intents(token).map(decodeIntentRow);
  }

  async findDocument(collection: string, id: string): Promise<SealedDocument | undefined> {
    const row = this.#reader.document(collection, id);
    return row === undefined ? undefined : decodeDocumentRow(row);
  }

  async listDocuments(collection: string): Promise<readonly SealedDocument[]> {
    return this.#reader.documents(collection).map(decodeDocumentRow);
  }

  async listAllDocuments(): Promise<readonly SealedDocument[]> {
    return this.#reader.allDocuments().map(decodeDocumentRow);
  }

  async changeDocument(change: DocumentChange): Promise<void> {
    await this.#writer.write({ kind: 'changeDocument', change: encodeDocumentChange(change) });
  }

  async resealDocuments({ documents, change }: Resealing): Promise<void> {
    const rows = documents.map(encodeDocumentRow);
    await this.#writer.write({ kind: 'resealDocuments', rows, change: encodeDocumentChange(change) });
  }

  async stageKeys(job: string, keys: readonly WholeKey[]): Promise<void> {
    await this.#writer.write({ kind: 'stageKeys', rows: encodeStagedKeys(job, keys) });
  }

  async clearStagedKeys(): Promise<void> {
    await this.#writer.write({ kind: 'clearStagedKeys' });
  }

  async replaceKeys({ job, keys, versions, documents }: Replacement): Promise<number> {
    const changes = documents.map(encodeDocumentChange);
    const epoch = await this.#writer.write({ kind: 'replaceKeys', job, keys, versions, documents: changes });
    for (const listener of this.#listeners) listener(undefined);
    return epoch;
  }

  async countReplacements(): Promise<number> {
    return Number(this.#reader.replacements()?.count);
  }

  /** The lock beside the file keeps others out, so there is nobody to hear of but who replaces everything. */
  onKeysChanged(listener: (names: undefined) => void): void {
    this.#listeners.push(listener);
  }

  onDocumentsChanged(listener: (collections: undefined) => void): void {
    this.#listeners.push(listener);
  }

  /** Nobody reads what is not in the file. */
  async confirm(): Promise<void> {}

  /** Waits for what was handed in, and lets go of the database. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writer.close();
    this.#open.close();
  }

  get #reader(): SqliteReader {
    if (this.#closed) throw storeClosed();
    return this.#open;
  }
}
