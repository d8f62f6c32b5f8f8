import { type AddressInfo, createServer, type Server } from 'node:net';

/** A place for tokens to point to, which counts who comes. */
export class CountingServer {
  readonly #server: Server;
  connections = 0;

  private constructor() {
    this.#server = createServer((socket) => {
      this.connections++;
      socket.destroy();
    });
  }

  static async open(): Promise<CountingServer> {
    const opened = new CountingServer();
    await new Promise<void>((resolve) => opened.#server.listen(0, '127.0.0.1', resolve));
    return opened;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
