/** A token of the pool as its operators see it: nothing of how it is reached. */
export interface OperatedToken {
  readonly name: string;
  /** `removed`: the machine knows it, and the pool has not got it. */
  readonly state: 'healthy' | 'draining' | 'suspended' | 'failed' | 'removed';
  /** Why it does not serve, or has fewer hosts than it should, in one word. */
  readonly reason: string | undefined;
  readonly profile: string | undefined;
  /** Instances of its module that are at work. */
  readonly hosts: number;
  /** How many lanes each of them is to have, and how that was found. */
  readonly lanes: OperatedLanes | undefined;
  /** Operations that it is at. */
  readonly inFlight: number;
}

export interface OperatedLanes {
  readonly perHost: number;
  readonly found: string;
  /** Lanes per host beyond which the token refused sessions. */
  readonly sessionLimit: number | undefined;
  readonly operationsPerSecond: number | undefined;
}

/** What the server needs of whoever operates the tokens of the pool. Names are those of the machine's configuration. */
export interface TokenService {
  list(): readonly OperatedToken[];
  /** @throws StrongroomError `NotFound` */
  get(name: string): OperatedToken;
  /** @throws StrongroomError `NotFound`, `Conflict` (`LastToken`, `TokenRemoved`) */
  drain(name: string): Promise<OperatedToken>;
  /** @throws StrongroomError `NotFound`, `Conflict` (`TokenRemoved`) */
  resume(name: string): Promise<OperatedToken>;
  /**
   * Takes in one that has the pool keys by now, or that was removed; else as `resume`.
   * @throws StrongroomError `NotFound`
   */
  add(name: string): Promise<OperatedToken>;
  /**
   * `leavesKeys`: although it keeps keys itself, or cannot be asked.
   * @throws StrongroomError `NotFound`, `Conflict` (`LastToken`, `TokenInService`, `TokenKeepsKeys`)
   */
  remove(name: string, leavesKeys: boolean): Promise<OperatedToken>;
}
