import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A library that is loaded before all others and lets calls of the C library fail (README.md beside this file). */
export const DISK_FAULTS = fileURLToPath(new URL('../../build/Release/disk_faults.so', import.meta.url));

export type DiskError = 'ENOSPC' | 'EIO' | 'EDQUOT';

export interface DiskFault {
  /** The call that meets it, counted from now on over all processes. */
  readonly nth: number;
  readonly error: DiskError;
  /** That call alone, it and the next one, or all from it on until the disk is well again. */
  readonly extent: 'once' | 'briefly' | 'lasting';
  /** The call is done by half, if it writes; the error is for those that come after it. */
  readonly short: boolean;
  /** Of files whose path ends so alone; what others meet does not count, nor is it in the log. */
  readonly ending?: string;
}

/** One call that would have changed something below the directory. */
export interface DiskCall {
  readonly nth: number;
  /** Name of the program. */
  readonly program: string;
  readonly call: string;
  /** What it does: fills the disk, waits for it, makes a name, or lets go of something, which no full disk refuses. */
  readonly kind: 'fill' | 'sync' | 'make' | 'free';
  readonly outcome: 'done' | 'short' | 'failed';
  /** Below the directory. */
  readonly path: string;
}

const PAGE_BYTES = 4096;
/** Where the fields of the page are (control.c). */
const AT = { extent: 0, nth: 4, error: 8, isShort: 12, calls: 16, faults: 20, directory: 64, ending: 1088 } as const;
const EXTENT = { none: 0, once: 1, lasting: 2, briefly: 3 } as const;
const LINE = /^(\d+) (\S+) (\S+) (fill|sync|make|free) (done|short|failed) (.+)$/;

/** What the disk does to the programs that have been given `environment`. It is well until it is told otherwise. */
export class DiskFaults {
  readonly #path: string;
  readonly #file: number;

  /** What it keeps is in the directory, which must not be in the one that is watched. */
  constructor(directory: string) {
    this.#path = join(directory, 'disk');
    writeFileSync(this.#path, Buffer.alloc(PAGE_BYTES));
    writeFileSync(`${this.#path}.log`, '');
    this.#file = openSync(this.#path, 'r+');
  }

  get environment(): Record<string, string> {
    return { LD_PRELOAD: DISK_FAULTS, DISK_FAULTS_CONTROL: this.#path };
  }

  /** It is the disk below this directory. */
  watch(directory: string): void {
    writeSync(this.#file, `${realpathSync(directory)}\0`, AT.directory);
  }

  /** From the next call on, which is the first one. */
  begin(fault?: DiskFault): void {
    this.heal();
    writeSync(this.#file, `${fault?.ending ?? ''}\0`, AT.ending);
    truncateSync(`${this.#path}.log`);
    if (fault === undefined) return;
    this.#write(AT.nth, fault.nth);
    this.#write(AT.error, constants.errno[fault.error]);
    this.#write(AT.isShort, fault.short ? 1 : 0);
    this.#write(AT.extent, EXTENT[fault.extent]);
  }

  /** The disk is well again, and the next call is the first one. */
  heal(): void {
    this.#write(AT.extent, EXTENT.none);
    this.#write(AT.calls, 0);
    this.#write(AT.faults, 0);
  }

  /** How many calls have met the fault. */
  get faults(): number {
    const field = Buffer.alloc(4);
    readSync(this.#file, field, 0, field.length, AT.faults);
    return field.readUInt32LE();
  }

  /** Since it was last told to begin. */
  calls(): readonly DiskCall[] {
    const lines = readFileSync(`${this.#path}.log`, 'utf8').split('\n');
    return lines.filter((line) => line !== '').map(readCall);
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(at: number, value: number): void {
    const field = Buffer.alloc(4);
    field.writeUInt32LE(value);
    writeSync(this.#file, field, 0, field.length, at);
  }
}

function readCall(line: string): DiskCall {
  const [, nth, program, call, kind, outcome, path] = LINE.exec(line) ?? [];
  if (path === undefined) throw new TypeError(`Expected a line of the log of calls, received ${line}.`);
  return { nth: Number(nth), program, call, kind, outcome, path } as DiskCall;
}
