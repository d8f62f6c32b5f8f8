import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { RunningServer } from './running_server.ts';

export interface VisitedPage {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
  /** What a browser sends back with the page's form. */
  readonly cookie: string;
  readonly formToken: string;
}

/** Opens a page of the issuer as a browser does, or sends its form, over TLS that verifies names and certificates. */
export function visitPage(
  server: RunningServer,
  url: string,
  form?: Readonly<Record<string, string>>,
  cookie = '',
): Promise<VisitedPage> {
  const ca = readFileSync(server.environment.NODE_EXTRA_CA_CERTS ?? '');
  const headers = { cookie, origin: new URL(url).origin, 'content-type': 'application/x-www-form-urlencoded' };
  const method = form === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, ca, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          text,
          cookie: response.headers['set-cookie']?.[0]?.split(';')[0] ?? '',
          formToken: /name="form_token" value="([^"]+)"/.exec(text)?.[1] ?? '',
        });
      });
    });
    asked.on('error', reject);
    asked.end(form === undefined ? undefined : new URLSearchParams(form).toString());
  });
}
