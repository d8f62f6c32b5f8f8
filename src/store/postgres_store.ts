import { setTimeout as delay } from 'node:timers/promises';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { encodeDocumentChange } from './document_change_row.ts';
import { decodeDocumentRow, encodeDocumentRow } from './document_row.ts';
import { decodeFoundRow } from './found_row.ts';
import { decodeIntentRow, encodeIntentRow } from './intent_row.ts';
import { encodeKeyChange } from './key_change_rows.ts';
import { decodeKeyVersionRow } from './key_version_row.ts';
import { readMigrations } from './migration.ts';
import { postgresAddress } from './postgres_address.ts';
import { type AnnouncedChange, KEY_CHANGES, PostgresChanges } from './postgres_changes.ts';
import { PostgresConnections, type Transaction } from './postgres_connections.ts';
import { changeDocument, resealDocuments } from './postgres_document_changes.ts';
import { requireEpoch } from './postgres_epoch.ts';
import { addIntent, changeKey, endIntent, movesKeyCount } from './postgres_key_changes.ts';
import { migratePostgres } from './postgres_migration.ts';
import { PostgresPrimary } from './postgres_primary.ts';
import { BEFORE_ALL, QUESTIONS } from './postgres_questions.ts';
import { reserveEncryptions } from './postgres_reservations.ts';
import { clearStagedKeys, replaceKeys, stageKeys } from './postgres_staged_keys.ts';
import { Turns } from './postgres_turns.ts';
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
import { decodeWholeKeys, encodeStagedKeys } from './whole_key_rows.ts';

export interface PostgresStoreOptions {
  /**
   * `postgres://user@host:port/database`, with `sslmode` and `sslrootcert` as libpq has them, and without a password. Of several hosts
   * (`first:5432,second:5432`) it is the one that takes changes.
   */
  readonly url: string;
  /** Asked for each new connection, so that it may change while the server runs. */
  readonly password?: (() => Promise<string>) | undefined;
  /** How many connections to the database there are at most, one of which looks for the changes of others. */
  readonly connections?: number | undefined;
}

const SETTLE_AGAIN_MS = 1_000;
/** A look that takes longer is given up: the next one may be faster. */
const LOOK_TIMEOUT_MS = 700;

/**
 * The store of several servers over one pool: a database that speaks PostgreSQL's protocol and language, as PostgreSQL, CockroachDB and
 * YugabyteDB do. Every change is one serializable transaction, tried again while others stand in its way.
 */
export class PostgresStore implements Store {
  readonly #primary: PostgresPrimary;
  readonly #connections: PostgresConnections;
  readonly #changes: PostgresChanges;
  /** Changes that move the count of all keys would have the database undo each other again and again. */
  readonly #turns = new Turns(LIMITS.storeWritesWaiting, LIMITS.storeRetryMs);
  /** As would reservations of encryptions under one key. */
  readonly #reservations = new Turns(LIMITS.storeWritesWaiting, LIMITS.storeRetryMs);
  readonly #stopped = new AbortController();
  /** How often an outcome was unknown. */
  #doubts = 0;
  #settling: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(primary: PostgresPrimary, connections: PostgresConnections, changes: PostgresChanges) {
    this.#primary = primary;
    this.#connections = connections;
    this.#changes = changes;
  }

  /**
   * Opens the database, which is there and may be empty, and brings its schema up to date.
   * @throws StrongroomError `BadParameter` for the address; `ServiceUnavailable`, with innerCode `StoreTooNew`, `StoreSchemaChanged` or
   * `StoreNotOpened`
   */
  static async open({
    url,
    password,
    connections = LIMITS.storeConnections,
  }: PostgresStoreOptions): Promise<PostgresStore> {
    if (!Number.isSafeInteger(connections) || connections < 2) {
      throw new TypeError(`Expected an integer of at least 2 for connections, received ${String(connections)}.`);
    }
    const primary = new PostgresPrimary({ address: postgresAddress(url), password });
    const working = new PostgresConnections({
      primary,
      connections: connections - 1,
      connectTimeoutMs: LIMITS.storeConnectTimeoutMs,
      statementTimeoutMs: LIMITS.storeStatementTimeoutMs,
    });
    try {
      await migratePostgres(working, readMigrations(new URL('./migrations/postgres/', import.meta.url)));
    } catch (error) {
      await Promise.all([working.close(), primary.close()]);
      throw notOpened(error);
    }
    const looking = new PostgresConnections({
      primary,
      connections: 1,
      connectTimeoutMs: LOOK_TIMEOUT_MS,
      statementTimeoutMs: LOOK_TIMEOUT_MS,
    });
    return new PostgresStore(primary, working, new PostgresChanges(looking));
  }

  async findKeyVersion(name: string, version: string | undefined): Promise<FoundKeyVersion | undefined> {
    const { rows } =
      version === undefined
        ? await this.#connections.read(QUESTIONS.newestVersion, [name])
        : await this.#connections.read(QUESTIONS.namedVersion, [name, version]);
    return rows[0] === undefined ? undefined : decodeFoundRow(rows[0]);
  }

  async listKeys(kind: 'active' | 'deleted', { after, limit }: ListQuery): Promise<readonly FoundKeyVersion[]> {
    const { rows } = await this.#connections.read(QUESTIONS[kind], [after ?? BEFORE_ALL, limit]);
    return rows.map(decodeFoundRow);
  }

  async listKeyVersions(name: string, { after, limit }: ListQuery): Promise<readonly SealedKeyVersion[]> {
    const { rows } = await this.#connections.read(QUESTIONS.versions, [name, after ?? BEFORE_ALL, limit]);
    return rows.map(decodeKeyVersionRow);
  }

  async listWholeKeys({ after, limit }: ListQuery): Promise<readonly WholeKey[]> {
    const { rows } = await this.#connections.read(QUESTIONS.wholeKeys, [after ?? BEFORE_ALL, limit]);
    return decodeWholeKeys(rows);
  }

  async listDueKeys(now: number, limit: number): Promise<readonly string[]> {
    const { rows } = await this.#connections.read(QUESTIONS.due, [now, limit]);
    return rows.map(({ name }) => String(name));
  }

  async changeKey(change: KeyChange, limits: KeyLimits): Promise<void> {
    const rows = encodeKeyChange(change);
    const perform = (): Promise<void> =>
      this.#write(async (transaction) => {
        await requireEpoch(transaction, rows);
        await changeKey(transaction, rows, limits);
        await this.#changes.announce(transaction, KEY_CHANGES, rows.name);
      });
    await (movesKeyCount(rows) ? this.#turns.take(perform) : perform());
  }

  reserveEncryptions(name: string, version: string, count: number, maximum: number): Promise<number> {
    const reservation = { name, version, count, maximum };
    return this.#reservations.take(() => this.#write((transaction) => reserveEncryptions(transaction, reservation)));
  }

  async addIntent(intent: SealedIntent): Promise<void> {
    const row = encodeIntentRow(intent);
    await this.#write((transaction) => addIntent(transaction, row));
  }

  async endIntent(id: string): Promise<void> {
    await this.#write((transaction) => endIntent(transaction, id));
  }

  async listIntents(token: string): Promise<readonly SealedIntent[]> {
    const { rows } = await this.#connections.read(QUESTIONS.intents, [token]);
    return rows.map(decodeIntentRow);
  }

  async findDocument(collection: string, id: string): Promise<SealedDocument | undefined> {
    const { rows } = await this.#connections.read(QUESTIONS.document, [collection, id]);
    return rows[0] === undefined ? undefined : decodeDocumentRow(rows[0]);
  }

  async listDocuments(collection: string): Promise<readonly SealedDocument[]> {
    const { rows } = await this.#connections.read(QUESTIONS.documents, [collection]);
    return rows.map(decodeDocumentRow);
  }

  async listAllDocuments(): Promise<readonly SealedDocument[]> {
    const { rows } = await this.#connections.read(QUESTIONS.allDocuments);
    return rows.map(decodeDocumentRow);
  }

  async changeDocument(change: DocumentChange): Promise<void> {
    const row = encodeDocumentChange(change);
    await this.#write(async (transaction) => {
      await requireEpoch(transaction, row);
      await changeDocument(transaction, row);
      await this.#changes.announce(transaction, row.collection, row.id);
    });
  }

  /**
   * A change whose wait for a standby was cancelled, or that a primary had not yet sent on when it was killed, can be seen there and be
   * lost with it. What commits behind it does so when the standby has both.
   */
  async confirm(): Promise<void> {
    await this.#connections.transact((transaction) => this.#changes.confirm(transaction));
  }

  async stageKeys(job: string, keys: readonly WholeKey[]): Promise<void> {
    const rows = encodeStagedKeys(job, keys);
    await this.#write((transaction) => stageKeys(transaction, rows));
  }

  async clearStagedKeys(): Promise<void> {
    await this.#write(clearStagedKeys, LIMITS.storeReplacementMs);
  }

  async replaceKeys(replacement: Replacement): Promise<number> {
    const documents = replacement.documents.map(encodeDocumentChange);
    const epoch = await this.#write(async (transaction) => {
      const begun = await replaceKeys(transaction, replacement, documents);
      await this.#changes.announceEverything(transaction);
      return begun;
    }, LIMITS.storeReplacementMs);
    this.#changes.tellEverything();
    return epoch;
  }

  async countReplacements(): Promise<number> {
    const { rows } = await this.#connections.read(QUESTIONS.replacements);
    return Number(rows[0]?.count);
  }

  async resealDocuments({ documents, change }: Resealing): Promise<void> {
    const rows = documents.map(encodeDocumentRow);
    const changed = encodeDocumentChange(change);
    await this.#write(async (transaction) => {
      await resealDocuments(transaction, rows);
      await changeDocument(transaction, changed);
      await this.#changes.announce(transaction, changed.collection, changed.id);
    });
  }

  onKeysChanged(listener: (names: readonly string[] | undefined) => void): void {
    this.#changes.listen((changes) =>
      tellOf(changes, ({ collection }) => collection === KEY_CHANGES, 'name', listener),
    );
  }

  onDocumentsChanged(listener: (collections: readonly string[] | undefined) => void): void {
    this.#changes.listen((changes) =>
      tellOf(changes, ({ collection }) => collection !== KEY_CHANGES, 'collection', listener),
    );
  }

  /** Waits for what was handed in, and lets go of the database. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([this.#turns.close(), this.#reservations.close(), this.#settling]);
    await Promise.all([this.#connections.close(), this.#changes.close()]);
    await this.#primary.close();
  }

  async #write<Result>(work: (transaction: Transaction) => Promise<Result>, patienceMs?: number): Promise<Result> {
    try {
      return await this.#connections.transact(work, patienceMs);
    } catch (error) {
      if (error instanceof StrongroomError && error.code === 'OutcomeUnknown') this.#doubt();
      throw error;
    }
  }

  #doubt(): void {
    this.#changes.doubtOurs();
    this.#doubts += 1;
    this.#settling ??= this.#settle().finally(() => {
      this.#settling = undefined;
    });
  }

  /**
   * A change that waits for a lost standby comes about when that is back, and nobody looks for changes of its time any more. When
   * something has been committed behind it, it is there or never will be: everybody, this server as well, asks anew for what he remembers.
   */
  async #settle(): Promise<void> {
    const { signal } = this.#stopped;
    for (let settled = 0; settled !== this.#doubts && !signal.aborted; ) {
      const doubts = this.#doubts;
      try {
        await this.confirm();
        await this.#connections.transact((transaction) => this.#changes.announceEverything(transaction));
        this.#changes.tellEverything();
        settled = doubts;
      } catch {
        await delay(SETTLE_AGAIN_MS, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
  }
}

/** Passes on what a listener is about, each once, and not that there is nothing of it. */
function tellOf(
  changes: readonly AnnouncedChange[] | undefined,
  concerns: (change: AnnouncedChange) => boolean,
  by: keyof AnnouncedChange,
  listener: (names: readonly string[] | undefined) => void,
): void {
  const names = changes?.filter(concerns).map((change) => change[by]);
  if (names === undefined || names.length > 0) listener(names && [...new Set(names)]);
}

function notOpened(error: unknown): unknown {
  if (!(error instanceof StrongroomError) || error.innerCode !== undefined) return error;
  return new StrongroomError('ServiceUnavailable', 'The store could not be opened.', {
    innerCode: 'StoreNotOpened',
    cause: error.cause,
  });
}
