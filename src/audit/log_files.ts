import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^records-\d{16}\.jsonl$/;
const CHUNK_BYTES = 256 * 1024;
/** Far longer than any line that is written: what goes on for longer is no line. */
const LONGEST_LINE_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

/** Named by the number of its first line, so that names sort as lines do. */
export function logFileName(firstSequence: number): string {
  return `records-${String(firstSequence).padStart(16, '0')}.jsonl`;
}

/** The files of a log, in the order of their lines. */
export async function listLogFiles(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => join(directory, name));
}

/** The lines of a file, many at a time and without their line feeds. */
export class LineReader {
  /** Of whole lines that were read. */
  bytes = 0;
  /** Behind the last line feed: a line that was not written to its end. Known when all is read. */
  tornBytes = 0;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async *lines(): AsyncGenerator<readonly Buffer[]> {
    const file = await open(this.#path, 'r');
    try {
      let rest = Buffer.alloc(0);
      for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, null);
        if (bytesRead === 0) break;
        const text = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        const lines = splitLines(text);
        const taken = lines.reduce((sum, line) => sum + line.length + 1, 0);
        this.bytes += taken;
        rest = text.subarray(taken);
        if (rest.length > LONGEST_LINE_BYTES) {
          // It is no line, whatever follows; as one it is looked at and refused.
          lines.push(rest);
          rest = Buffer.alloc(0);
        }
        if (lines.length > 0) yield lines;
      }
      this.tornBytes = rest.length;
    } finally {
      await file.close();
    }
  }
}

function splitLines(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; ; ) {
    const to = text.indexOf(LINE_FEED, from);
    if (to === -1) return lines;
    lines.push(text.subarray(from, to));
    from = to + 1;
  }
}
