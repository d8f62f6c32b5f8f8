import type { AsyncContender, Perform } from './contender.ts';
import { HttpsConnection, type HttpsTarget } from './https_client.ts';
import { serveContender } from './serve_contender.ts';

export interface HttpsLoadSetup extends HttpsTarget {
  readonly connections: number;
  /** The whole request, head and body. */
  readonly request: string;
}

const OK = 200;

/** A load generator in a process of its own: keep-alive connections that send one request over and over. */
class HttpsLoad implements AsyncContender<HttpsLoadSetup> {
  readonly style = 'async';
  slots = 0;
  #connections: HttpsConnection[] = [];
  #request!: Buffer;

  async open(setup: HttpsLoadSetup): Promise<void> {
    this.#request = Buffer.from(setup.request, 'latin1');
    for (let i = 0; i < setup.connections; i++) this.#connections.push(await HttpsConnection.open(setup));
    this.slots = this.#connections.length;
  }

  perform(): Perform {
    const request = this.#request;
    return async (slot) => {
      const { status, body } = await this.#connections[slot]!.request(request);
      if (status !== OK) throw new Error(`The server answered ${status}: ${body}`);
    };
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
  }
}

await serveContender(new HttpsLoad());
