import type { Custody, KeySpec, PublicKey } from '../model/key.ts';
import type { KeyOperation } from '../model/key_operation.ts';
import type { ReleasePolicy } from '../model/release_policy.ts';
import type { RotationPolicy } from '../model/rotation_policy.ts';

/** A key as a whole: what its versions have in common. Everything that decides something is under the seal. Times in unix seconds. */
export interface KeyRecord {
  readonly name: string;
  /** The version that is meant where none is named. */
  readonly newest: string;
  /** How many versions there are. */
  readonly versions: number;
  /** Set while the key is deleted and can be recovered. */
  readonly deletion: KeyDeletion | undefined;
  readonly rotationPolicy: RotationPolicy | undefined;
  /** When the policy has the key rotated next. */
  readonly rotationDue: number | undefined;
  /** Counts the changes of the key and of its versions; a writer names the one it has seen. */
  readonly revision: number;
}

export interface KeyDeletion {
  readonly deleted: number;
  /** When the key is purged without anybody's doing. */
  readonly scheduledPurge: number;
}

/** One version of one key. Everything that decides something is under the seal. Times in unix seconds. */
export interface KeyVersionRecord {
  readonly name: string;
  /** 32 lower-case hex digits. */
  readonly version: string;
  readonly spec: KeySpec;
  readonly custody: Custody;
  readonly operations: readonly KeyOperation[];
  readonly enabled: boolean;
  readonly notBefore: number | undefined;
  readonly expires: number | undefined;
  readonly created: number;
  readonly updated: number;
  /** True exactly where there is a release policy. */
  readonly exportable: boolean;
  readonly releasePolicy: ReleasePolicy | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly publicKey: PublicKey;
  /** The private or secret key under the KEK (RFC 5649), PKCS#8 for key pairs. Absent in resident custody. */
  readonly wrappedKey: Uint8Array | undefined;
  /** CKA_ID of the token objects in resident custody; also of session objects. 16 bytes. */
  readonly objectId: Uint8Array;
  /** Counts the changes of this row. */
  readonly revision: number;
}

/**
 * What is about to be done to a token, written down before it is done, so that a crash leaves nothing that nobody knows of:
 * `make` before objects of a resident version are made there, `destroy` together with the removal of their record.
 */
export interface Intent {
  /** 32 lower-case hex digits. */
  readonly id: string;
  /** Serial number of the token: who opens the pool over this token finishes or undoes it. */
  readonly token: string;
  readonly kind: 'make' | 'destroy';
  readonly name: string;
  readonly version: string;
  readonly objectId: Uint8Array;
  readonly created: number;
}

/** Something small that decides something and is no key: a setting, a role assignment, a user. */
export interface DocumentRecord {
  /** What it is one of: `setting`, `role_assignment`. */
  readonly collection: string;
  readonly id: string;
  /** JSON. */
  readonly content: string;
  /** Counts the changes of the document; a writer names the one it has seen. */
  readonly revision: number;
}

/** A record and the HMAC by the seal key over its bytes (record_seal.ts). */
export interface Sealed<Record> {
  readonly record: Record;
  readonly seal: Uint8Array;
}

export type SealedKey = Sealed<KeyRecord>;
export type SealedKeyVersion = Sealed<KeyVersionRecord>;
export type SealedIntent = Sealed<Intent>;
export type SealedDocument = Sealed<DocumentRecord>;

/** A key and one of its versions as they were at one moment. */
export interface FoundKeyVersion {
  readonly key: SealedKey;
  /** Absent where the key has no such version. */
  readonly version: SealedKeyVersion | undefined;
}

/** How often everything has been replaced, as somebody knows it who lets changes in. */
export interface Epoch {
  readonly current: number;
}

/** What every change may name. */
interface ChangeInEpoch {
  /** How often everything had been replaced when the change was let in; not asked for unless named. */
  readonly epoch?: number | undefined;
}

/** One change of one key, done whole or not at all. */
export interface KeyChange extends ChangeInEpoch {
  readonly name: string;
  /** The revision of the key that the writer has seen; undefined where there was no key of that name. */
  readonly expectedRevision: number | undefined;
  /** The key afterwards; undefined removes it with all versions. */
  readonly key: SealedKey | undefined;
  /** Versions that are added, or replaced where their id is there already. */
  readonly versions: readonly SealedKeyVersion[];
  /** What versions of a key that comes back have encrypted already; nothing unless named. */
  readonly encryptions?: readonly VersionEncryptions[] | undefined;
  /** Intents that are fulfilled by this change and go with it, and such that come with it. */
  readonly endedIntents?: readonly string[] | undefined;
  readonly newIntents?: readonly SealedIntent[] | undefined;
}

/** AES-GCM encryptions that a version of a key has reserved. */
export interface VersionEncryptions {
  readonly version: string;
  readonly encryptions: number;
}

export interface DocumentChange extends ChangeInEpoch {
  readonly collection: string;
  readonly id: string;
  /** The revision that the writer has seen; undefined where there was no such document. */
  readonly expectedRevision: number | undefined;
  /** The document afterwards; undefined removes it. */
  readonly document: SealedDocument | undefined;
}

/** A key with all its versions, as they were at one moment. */
export interface WholeKey {
  readonly key: SealedKey;
  readonly versions: readonly CountedKeyVersion[];
}

/** A version with the AES-GCM encryptions that it has reserved. */
export interface CountedKeyVersion {
  readonly version: SealedKeyVersion;
  readonly encryptions: number;
}

/** What a restore of the whole pool puts in the place of what is there. */
export interface Replacement {
  /** Whose staged keys they are, and how many there must be. */
  readonly job: string;
  readonly keys: number;
  readonly versions: number;
  readonly documents: readonly DocumentChange[];
}

/** Other seals for all documents, which stay as they are, because the seal key has become another; and what is changed with them. */
export interface Resealing {
  /** Every document that there is, each with its new seal. */
  readonly documents: readonly SealedDocument[];
  readonly change: DocumentChange;
}

export interface KeyLimits {
  readonly keys: number;
  readonly versionsPerKey: number;
}

/** Names in the order of their bytes; `after` is the last one of the page before. */
export interface ListQuery {
  readonly after: string | undefined;
  readonly limit: number;
}

/**
 * Where metadata lives. One contract suite runs over every implementation. What a promise has fulfilled is durable.
 * Seals are the reader's to check. Every method may fail with `ServiceUnavailable`, every change with `OutcomeUnknown` as well.
 */
export interface Store {
  /** The key, deleted or not, with its newest version or the named one. */
  findKeyVersion(name: string, version: string | undefined): Promise<FoundKeyVersion | undefined>;
  /** Keys that are not deleted, or those that are, each with its newest version; by name. */
  listKeys(kind: 'active' | 'deleted', query: ListQuery): Promise<readonly FoundKeyVersion[]>;
  /** Versions of one key by their id, which is what `after` names. */
  listKeyVersions(name: string, query: ListQuery): Promise<readonly SealedKeyVersion[]>;
  /** Keys, deleted or not, with everything that they have; by name. */
  listWholeKeys(query: ListQuery): Promise<readonly WholeKey[]>;
  /** Names of keys that are to be rotated or purged at `now` or before, those that have waited longest first. */
  listDueKeys(now: number, limit: number): Promise<readonly string[]>;
  /**
   * @throws StrongroomError `Conflict` with innerCode `KeyChanged` when the key's revision is not the expected one, and when a key was
   * expected to be new and is not, and with `RestoreInProgress` when it is of another epoch; `BadParameter` with innerCode `KeyLimitReached` or
   * `KeyVersionLimitReached`. Nothing has changed then.
   */
  changeKey(change: KeyChange, limits: KeyLimits): Promise<void>;
  /**
   * Moves the durable count of AES-GCM encryptions of a key version forward by `count`, and answers the count before.
   * @throws StrongroomError `Forbidden` when the count would pass `maximum`: nothing is reserved then.
   */
  reserveEncryptions(name: string, version: string, count: number, maximum: number): Promise<number>;
  addIntent(intent: SealedIntent): Promise<void>;
  /** Ending one that is not there is no mistake. */
  endIntent(id: string): Promise<void>;
  listIntents(token: string): Promise<readonly SealedIntent[]>;
  findDocument(collection: string, id: string): Promise<SealedDocument | undefined>;
  /** All of a collection, by id. */
  listDocuments(collection: string): Promise<readonly SealedDocument[]>;
  /** Of all collections. */
  listAllDocuments(): Promise<readonly SealedDocument[]>;
  /**
   * @throws StrongroomError `Conflict` with innerCode `DocumentChanged` when its revision is not the expected one, and with
   * `RestoreInProgress` when the change is of another epoch.
   */
  changeDocument(change: DocumentChange): Promise<void>;
  /** Keeps keys beside the others, where nobody finds them until `replaceKeys`. One of that job and name that is there already stays. */
  stageKeys(job: string, keys: readonly WholeKey[]): Promise<void>;
  /** Forgets what is staged, whatever job it is of. */
  clearStagedKeys(): Promise<void>;
  /**
   * Removes all keys, puts the staged ones of the job in their place and changes the documents, whole or not at all. A count of encryptions
   * never becomes less. Everybody is told that everything may have changed, this server as well. Answers the epoch that begins with it.
   * @throws StrongroomError `Conflict` (`DocumentChanged`), or with innerCode `StagedKeysMissing` when other keys are staged than there must be;
   * `NotSupported` (`ResidentKeys`) when there is a key that its token keeps
   */
  replaceKeys(replacement: Replacement): Promise<number>;
  /** The epoch of now: how often keys have been replaced. */
  countReplacements(): Promise<number>;
  /**
   * Whole or not at all.
   * @throws StrongroomError `Conflict` (`DocumentChanged`) when there are other documents than those named, or at other revisions
   */
  resealDocuments(resealing: Resealing): Promise<void>;
  /**
   * Calls back with the names of keys that somebody else may have changed: another server over the same database. Within a second of
   * the change; with `undefined` when it cannot be known which, and everything that is remembered has to be asked for again.
   */
  onKeysChanged(listener: (names: readonly string[] | undefined) => void): void;
  /** Likewise with the collections in which somebody else may have changed a document. */
  onDocumentsChanged(listener: (collections: readonly string[] | undefined) => void): void;
  /**
   * Resolves when everything that could be read before is there to stay. For who finds a change of his, after he was told `OutcomeUnknown`:
   * that it can be read does not say that it is durable.
   */
  confirm(): Promise<void>;
  close(): Promise<void>;
}

/** The part of a store that documents need. */
export type DocumentStore = Pick<
  Store,
  'findDocument' | 'listDocuments' | 'changeDocument' | 'onDocumentsChanged' | 'confirm'
>;
