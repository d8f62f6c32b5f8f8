import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { link, mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StrongroomError } from '../model/errors.ts';

const KEY_FILE = 'pin_mark.key';
const MARK_FILE = 'refused_pins';
const KEY_BYTES = 32;
const MARK_BYTES = 32;

/**
 * Remembers which PINs a token has refused, so that none of them is ever sent again: tokens lock or zeroise themselves after a few wrong
 * ones, and a service that is restarted over and over would get there within seconds. What is kept is HMAC-SHA256 over token serial and PIN under a random
 * key of this state directory; whoever steals the two files can try PINs against them, so both are readable by the owner alone.
 */
export class PinGuard {
  readonly #directory: string;
  readonly #key: Buffer;

  private constructor(directory: string, key: Buffer) {
    this.#directory = directory;
    this.#key = key;
  }

  static async open(stateDirectory: string): Promise<PinGuard> {
    await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
    return new PinGuard(stateDirectory, await openKey(stateDirectory));
  }

  /** Throws ServiceUnavailable (PinRefused) when the token has refused this very PIN before. */
  async admit(tokenSerial: string, pin: Uint8Array): Promise<void> {
    const mark = this.#mark(tokenSerial, pin);
    const marks = (await readIfThere(this.#path)) ?? Buffer.alloc(0);
    for (let at = 0; at + MARK_BYTES <= marks.length; at += MARK_BYTES) {
      if (timingSafeEqual(marks.subarray(at, at + MARK_BYTES), mark)) {
        throw new StrongroomError(
          'ServiceUnavailable',
          `The token ${tokenSerial} has refused this PIN before, so it is not sent again. Configure the right PIN; ` +
            `should this one be right after all (the token's PIN was changed to it), remove ${this.#path}.`,
          { innerCode: 'PinRefused' },
        );
      }
    }
  }

  /** The token refused this PIN. Returns when the mark is on disk. */
  async refused(tokenSerial: string, pin: Uint8Array): Promise<void> {
    const file = await open(this.#path, 'a', 0o600);
    try {
      await file.write(this.#mark(tokenSerial, pin));
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(this.#directory);
  }

  get #path(): string {
    return join(this.#directory, MARK_FILE);
  }

  #mark(tokenSerial: string, pin: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(tokenSerial, 'utf8').update(Uint8Array.of(0)).update(pin).digest();
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** A key is whole or not there: it gets its name only when it is on disk, and the first to give it that name wins. */
async function openKey(directory: string): Promise<Buffer> {
  const path = join(directory, KEY_FILE);
  const existing = await readIfThere(path);
  if (existing !== undefined) return checkedKey(path, existing);
  const unnamed = `${path}.${randomUUID()}`;
  const file = await open(unnamed, 'wx', 0o600);
  try {
    await file.write(randomBytes(KEY_BYTES));
    await file.sync();
  } finally {
    await file.close();
  }
  await link(unnamed, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await unlink(unnamed);
  await syncDirectory(directory);
  return checkedKey(path, await readFile(path));
}

function checkedKey(path: string, key: Buffer): Buffer {
  if (key.length === KEY_BYTES) return key;
  throw new StrongroomError(
    'ServiceUnavailable',
    `The file ${path} is damaged: it should hold ${KEY_BYTES} bytes. Without it refused PINs are not recognised: make sure of the PIN, then remove it.`,
    { innerCode: 'PinUnavailable' },
  );
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
