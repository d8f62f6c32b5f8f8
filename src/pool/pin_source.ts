import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { StrongroomError } from '../model/errors.ts';

/** Where the user PIN of the token comes from. Never the command line, which every process of the machine can read. */
export type PinOptions =
  | { readonly file: string }
  | { readonly environment: string }
  /** Copied at once; the caller's own bytes are left to the caller. */
  | { readonly value: Uint8Array };

const LONGEST_PIN_BYTES = 255;
const GROUP_AND_OTHERS = 0o077;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/**
 * Gives the PIN anew for each start of a host. A file is read each time, so that nothing of it stays in memory and a changed one is noticed.
 * An environment variable is taken once and removed, so that no child process inherits it.
 */
export class PinSource {
  readonly #file: string | undefined;
  #kept: Uint8Array | undefined;

  constructor(options: PinOptions) {
    if ('file' in options) {
      this.#file = options.file;
    } else if ('environment' in options) {
      const value = process.env[options.environment];
      if (value === undefined || value === '')
        throw refuse(`The environment variable ${options.environment}, which should carry the PIN, is not set.`);
      delete process.env[options.environment];
      this.#kept = new Uint8Array(Buffer.from(value, 'utf8'));
    } else {
      this.#kept = new Uint8Array(options.value);
    }
    if (this.#kept !== undefined) checkLength(this.#kept.length, 'The PIN');
  }

  /** A copy that the caller zeroises. ServiceUnavailable (PinUnavailable) when the file is missing, too open to others, or empty. */
  async read(): Promise<Uint8Array> {
    if (this.#file !== undefined) return readPinFile(this.#file);
    if (this.#kept === undefined) throw new TypeError('The PIN was closed');
    return new Uint8Array(this.#kept);
  }

  close(): void {
    this.#kept?.fill(0);
    this.#kept = undefined;
  }
}

async function readPinFile(path: string): Promise<Uint8Array> {
  const content = Buffer.alloc(LONGEST_PIN_BYTES + 3);
  try {
    const file = await open(path, constants.O_RDONLY).catch((cause: unknown) => {
      throw refuse(
        `The PIN file ${path} cannot be opened: ${(cause as NodeJS.ErrnoException).code ?? 'unknown reason'}.`,
        cause,
      );
    });
    try {
      const status = await file.stat();
      if (!status.isFile()) throw refuse(`The PIN file ${path} is not a regular file.`);
      if ((status.mode & GROUP_AND_OTHERS) !== 0) {
        const mode = (status.mode & 0o777).toString(8).padStart(4, '0');
        throw refuse(`The PIN file ${path} is open to other users (mode ${mode}): set it to 0600 or 0400.`);
      }
      const { bytesRead } = await file.read(content, 0, content.length, 0);
      let length = bytesRead;
      if (length > 0 && content[length - 1] === LINE_FEED) length--;
      if (length > 0 && content[length - 1] === CARRIAGE_RETURN) length--;
      checkLength(length, `The PIN file ${path}`);
      return new Uint8Array(content.subarray(0, length));
    } finally {
      await file.close();
    }
  } finally {
    content.fill(0);
  }
}

function checkLength(length: number, what: string): void {
  if (length === 0) throw refuse(`${what} is empty.`);
  if (length > LONGEST_PIN_BYTES) throw refuse(`${what} holds more than ${LONGEST_PIN_BYTES} bytes.`);
}

function refuse(message: string, cause?: unknown): StrongroomError {
  return new StrongroomError('ServiceUnavailable', message, { innerCode: 'PinUnavailable', cause });
}
