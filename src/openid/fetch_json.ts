import { request } from 'node:https';
import { LIMITS } from '../model/limits.ts';

/**
 * A document of an issuer by GET over https: of bounded length and in bounded time, and never from where a redirect would lead.
 * @throws Error when it cannot be had
 */
export function fetchJson(url: URL, certificateAuthorities: string | undefined): Promise<unknown> {
  if (url.protocol !== 'https:') throw new Error(`${url.href} is not served over https`);
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const signal = AbortSignal.timeout(LIMITS.authorityTimeoutMs);
  const outgoing = request(
    url,
    { ca: certificateAuthorities, signal, agent: false, headers: { accept: 'application/json' } },
    (incoming) => {
      const { statusCode } = incoming;
      if (statusCode !== 200) {
        incoming.destroy(new Error(`${url.href} answered ${statusCode}`));
      }
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > LIMITS.authorityDocumentBytes) incoming.destroy(new Error(`${url.href} is too long`));
        else chunks.push(chunk);
      });
      incoming.on('error', reject);
      incoming.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        } catch (error) {
          reject(error);
        }
      });
    },
  );
  outgoing.on('error', reject);
  outgoing.end();
  return promise;
}
