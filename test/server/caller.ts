import { type Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { POOL_HOST, type Reply, type TestServer } from './test_server.ts';

export interface Call {
  /** Which listener; the first one unless named. */
  readonly at?: AddressInfo;
  /** The address that the caller has. */
  readonly from?: string;
  /** Where it connects to, when it is not where the listener says that it is. */
  readonly to?: string;
  /** TLS is spoken over this. */
  readonly over?: Duplex;
  readonly tlsVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly agent?: Agent;
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** That of the application that holds the roles unless named; none when null. */
  readonly accessToken?: string | null;
  readonly body?: string;
}

/** One request over real TLS, with a say in how it gets there. */
export async function call(server: TestServer, options: Call = {}): Promise<Reply> {
  const { at = server.server.addresses[0], from, over, tlsVersion, agent, method = 'GET', body } = options;
  if (at === undefined) throw new Error('no listener');
  const { path = '/keys/k1?api-version=7.6', host = POOL_HOST, accessToken = await server.accessToken() } = options;
  const headers = {
    host: `${host}:${at.port}`,
    ...(accessToken === null ? {} : { authorization: `Bearer ${accessToken}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(body.length) }),
    ...options.headers,
  };
  const tls = { servername: POOL_HOST, ca: server.authority, minVersion: tlsVersion, maxVersion: tlsVersion };
  const asked = request({
    ...tls,
    host: options.to ?? at.address,
    port: at.port,
    localAddress: from,
    method,
    path,
    headers,
    setHost: false,
    // An agent makes its connections itself.
    ...(over === undefined ? { agent: agent ?? false } : { createConnection: () => connect({ ...tls, socket: over }) }),
  });
  return new Promise((resolve, reject) => {
    asked.on('error', reject);
    asked.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const json = () => JSON.parse(text);
        const { statusCode: status = 0, headers: given } = response;
        resolve({
          status,
          headers: given,
          text,
          get json() {
            return json();
          },
        });
      });
    });
    asked.end(body);
  });
}
