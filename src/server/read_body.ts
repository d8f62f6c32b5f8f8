import type { IncomingMessage } from 'node:http';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';

/**
 * The whole body, which is the caller's to zeroise. Nothing is decompressed. Listeners are left where they are, to end with the request:
 * taking them away costs more than a settled promise that is settled again.
 * @throws StrongroomError `PayloadTooLarge` as soon as it shows, or `Aborted` when the caller is gone
 */
export function readBody(incoming: IncomingMessage, maximum: number = LIMITS.requestBodyBytes): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (announcesTooMuch(incoming, maximum)) {
      reject(tooLarge(maximum));
      return;
    }
    if (incoming.destroyed) {
      reject(aborted());
      return;
    }
    let chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maximum) {
        chunks.push(chunk);
        return;
      }
      chunk.fill(0);
      chunks = zeroised(chunks);
      reject(tooLarge(maximum));
    });
    incoming.on('end', () => {
      const [only] = chunks;
      if (chunks.length === 1 && only !== undefined) {
        resolve(only);
        return;
      }
      resolve(Buffer.concat(chunks));
      chunks = zeroised(chunks);
    });
    incoming.on('close', () => {
      if (incoming.complete) return;
      chunks = zeroised(chunks);
      reject(aborted());
    });
    // A broken connection shows as `error` and then as `close`; without a listener the first would end the process.
    incoming.on('error', ignore);
  });
}

/** Whether more is announced than is taken: then the connection is closed with the answer, and the rest never read. */
export function announcesTooMuch(incoming: IncomingMessage, maximum: number): boolean {
  const length = incoming.headers['content-length'];
  return length !== undefined && Number(length) > maximum;
}

function tooLarge(maximum: number): StrongroomError {
  return new StrongroomError('PayloadTooLarge', `The request body is larger than ${maximum} bytes.`);
}

function aborted(): StrongroomError {
  return new StrongroomError('Aborted', 'The caller closed the connection.');
}

/** Overwrites them, and gives the empty list in their place. */
function zeroised(chunks: readonly Buffer[]): Buffer[] {
  for (const chunk of chunks) chunk.fill(0);
  return [];
}

function ignore(): void {}
