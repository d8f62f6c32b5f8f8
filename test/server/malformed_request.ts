/** A request that is wrong, and how it is answered. */
export interface Malformed {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  /** JSON unless it is bytes or a text; none when undefined. */
  readonly body: unknown;
  readonly contentType?: string;
  readonly status: number;
  readonly code: string;
}
