import type { Custody, KeySpec, PublicKey } from '../model/key.ts';
import type { KeyOperation } from '../model/key_operation.ts';

/** One version of one key as the store has it. Everything that decides something is under the seal. Times in unix seconds. */
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
  readonly exportable: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly publicKey: PublicKey;
  /** The private or secret key under the KEK (RFC 5649), PKCS#8 for key pairs. Absent in resident custody. */
  readonly wrappedKey: Uint8Array | undefined;
  /** CKA_ID of the token objects in resident custody; also of session objects. 16 bytes. */
  readonly objectId: Uint8Array;
  /** Counts the changes of this row; a writer names the one it has seen. */
  readonly revision: number;
}

/** A row and the HMAC by the seal key over `sealedBytes` of it. */
export interface SealedKeyVersion {
  readonly record: KeyVersionRecord;
  readonly seal: Uint8Array;
}

/** Where metadata lives. One contract suite runs over every implementation. What a promise has fulfilled is durable. */
export interface Store {
  /** The newest version of the key, or the named one. The seal is the reader's to check. */
  findKeyVersion(name: string, version: string | undefined): Promise<SealedKeyVersion | undefined>;
  /**
   * Adds a version, in one transaction with the counts that are limits.
   * @throws StrongroomError `Conflict` when that version exists, `BadParameter` when a limit is reached.
   */
  addKeyVersion(sealed: SealedKeyVersion, limits: KeyLimits): Promise<void>;
  /**
   * Moves the durable count of AES-GCM encryptions of a key version forward by `count`, and answers the count before.
   * @throws StrongroomError `Forbidden` when the count would pass `maximum`: nothing is reserved then.
   */
  reserveEncryptions(name: string, version: string, count: number, maximum: number): Promise<number>;
  close(): Promise<void>;
}

export interface KeyLimits {
  readonly keys: number;
  readonly versionsPerKey: number;
}
