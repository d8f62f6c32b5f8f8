/** A table of lines that several servers share, each with a chain of its own: a database, as far as the log needs one. */
export interface AuditTable {
  /**
   * From now on the chain of this place takes lines from this writer and from nobody else. Gives its name and the first line of its last
   * part, if there is one.
   */
  claim(place: string, writer: string): Promise<ClaimedChain | undefined>;
  /** The chain belongs to no place any more: it stays as it is, and whoever claims its place begins another one. */
  release(chain: string): Promise<void>;
  /**
   * Adds lines, the first of which has the number `first`. Those that are there already, because an earlier attempt has come through, stay.
   * @throws StrongroomError `ServiceUnavailable`, with innerCode `AuditLogInUse` when another writer has claimed the chain
   */
  add(lines: TableLines): Promise<void>;
  listChains(): Promise<readonly string[]>;
  /** Numbers of the first lines of the parts of a chain, in their order. */
  listParts(chain: string): Promise<readonly number[]>;
  /** Lines of a part, behind the one with the number `after`. */
  readLines(chain: string, part: number, after: number, limit: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface ClaimedChain {
  readonly chain: string;
  readonly part: number;
}

export interface TableLines {
  readonly chain: string;
  readonly place: string;
  readonly writer: string;
  /** Number of the first line of their part. */
  readonly part: number;
  readonly first: number;
  readonly lines: readonly string[];
}
