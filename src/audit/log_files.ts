import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LogPart, LogSource } from './log_source.ts';

const NAME = /^records-(\d{16})\.jsonl$/;
const CHUNK_BYTES = 256 * 1024;
/** Far longer than any line that is written: what goes on for longer is no line. */
const LONGEST_LINE_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

/** Named by the number of its first line, so that names sort as lines do. */
export function logFileName(firstSequence: number): string {
  return `records-${String(firstSequence).padStart(16, '0')}.jsonl`;
}

/** The files of a log, in the order of their lines. Rejects with the system's error. */
export async function listLogFiles(directory: string): Promise<readonly LogFile[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => new LogFile(directory, name));
}

/** The log in a directory, also while a server writes it. */
export function logInDirectory(directory: string): LogSource {
  return { parts: () => listLogFiles(directory) };
}

export class LogFile implements LogPart {
  readonly name: string;
  readonly path: string;
  readonly first: number;
  bytes = 0;
  tornBytes = 0;

  constructor(directory: string, name: string) {
    this.name = name;
    this.path = join(directory, name);
    this.first = Number(NAME.exec(name)?.[1]);
  }

  async *lines(): AsyncGenerator<readonly Buffer[]> {
    const file = await open(this.path, 'r');
    try {
      let rest = Buffer.alloc(0);
      for (;;) {
        const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
        const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, this.bytes + rest.length);
        if (bytesRead === 0) break;
        const text = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        const lines = splitLines(text);
        const taken = lines.reduce((sum, line) => sum + line.length + 1, 0);
        this.bytes += taken;
        rest = text.subarray(taken);
        if (rest.length > LONGEST_LINE_BYTES) {
          // It is no line, whatever follows; as one it is looked at and refused.
          lines.push(rest);
          this.bytes += rest.length;
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
