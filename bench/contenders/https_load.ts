import { REQUEST_NUMBER } from '../request_number.ts';
import type { AsyncContender, Perform } from './contender.ts';
import { HttpsConnection, type HttpsTarget } from './https_client.ts';
import { serveContender } from './serve_contender.ts';

export interface HttpsLoadSetup extends HttpsTarget {
  readonly connections: number;
  /** The whole request, head and body; a REQUEST_NUMBER in it becomes another number each time. */
  readonly request: string;
}

const OK = 200;

/** A load generator in a process of its own: keep-alive connections that send one request over and over. */
class HttpsLoad implements AsyncContender<HttpsLoadSetup> {
  readonly style = 'async';
  slots = 0;
  #target!: HttpsTarget;
  #connections: HttpsConnection[] = [];
  #nextRequest!: () => Buffer;
  #numbered = 0;

  async open(setup: HttpsLoadSetup): Promise<void> {
    this.#target = setup;
    const bytes = Buffer.from(setup.request, 'latin1');
    const at = bytes.indexOf(REQUEST_NUMBER);
    this.#nextRequest = at < 0 ? () => bytes : () => this.#numberedRequest(bytes, at);
    for (let i = 0; i < setup.connections; i++) this.#connections.push(await HttpsConnection.open(setup));
    this.slots = this.#connections.length;
  }

  perform(): Perform {
    return async (slot) => {
      if (this.#connections[slot]!.isClosed) this.#connections[slot] = await HttpsConnection.open(this.#target);
      const { status, body } = await this.#connections[slot]!.request(this.#nextRequest());
      if (status !== OK) throw new Error(`The server answered ${status}: ${body}`);
    };
  }

  #numberedRequest(bytes: Buffer, at: number): Buffer {
    const request = Buffer.from(bytes);
    request.write(String(this.#numbered++).padStart(REQUEST_NUMBER.length, '0'), at, 'latin1');
    return request;
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.close();
  }
}

await serveContender(new HttpsLoad());
