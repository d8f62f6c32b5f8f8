/** A stretch of a log that begins with an opening line: a file, or the like of it in a table. */
export interface LogPart {
  readonly name: string;
  /** Number of its first line. */
  readonly first: number;
  /** Of whole lines that were read so far. */
  readonly bytes: number;
  /** Behind the last line feed: a line that was not written to its end. Known when all is read. */
  readonly tornBytes: number;
  /** Lines, many at a time and without their line feeds. Asked again, it goes on behind those that it has given. */
  lines(): AsyncIterable<readonly Buffer[]>;
}

/** Where a log can be read. */
export interface LogSource {
  /** In the order of their lines. */
  parts(): Promise<readonly LogPart[]>;
}

/** Without those whose lines come before line `from`. */
export function partsFrom(parts: readonly LogPart[], from: number): readonly LogPart[] {
  const place = parts.findLastIndex(({ first }) => first <= from);
  return parts.slice(Math.max(0, place));
}
