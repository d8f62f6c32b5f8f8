import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { HeadCopy } from './ledger.ts';
import { readHead, type SignedHead } from './tree_head.ts';

/**
 * Signed heads, one line of JSON each, in a file that lies where the log does not: on another disk, or in a directory that takes no changes.
 * Against it shows what the log alone cannot show, that its end was cut off.
 */
export class HeadsFile implements HeadCopy {
  readonly #path: string;
  #last: Promise<void> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  keep(head: SignedHead): Promise<void> {
    const kept = this.#last.then(() => this.#append(`${JSON.stringify(head)}\n`));
    this.#last = kept.catch(() => undefined);
    return kept;
  }

  /** Opened anew each time: it is seldom, and the file may be put away meanwhile. */
  async #append(text: string): Promise<void> {
    const file = await open(this.#path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
  }
}

/** The heads in such a file; `undefined` when a line of it is none. */
export function parseHeads(text: string): readonly SignedHead[] | undefined {
  const heads: SignedHead[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const head = readLine(line);
    if (head === undefined) return undefined;
    heads.push(head);
  }
  return heads;
}

function readLine(line: string): SignedHead | undefined {
  try {
    return readHead(JSON.parse(line));
  } catch {
    return undefined;
  }
}
