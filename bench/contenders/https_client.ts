import { connect, type TLSSocket } from 'node:tls';

export interface HttpsTarget {
  readonly host: string;
  readonly port: number;
  readonly servername: string;
  /** Certificate of the authority, in PEM. */
  readonly authority: string;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly body: Buffer;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = /\r\ncontent-length: *(\d+)/i;

/** One keep-alive connection with at most one request on its way, and no more of HTTP/1.1 than it takes to know where an answer ends. */
export class HttpsConnection {
  readonly #socket: TLSSocket;
  #received: Buffer = Buffer.alloc(0);
  #answered: ((answer: HttpsAnswer) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('The server closed the connection')));
  }

  static async open({ host, port, servername, authority }: HttpsTarget): Promise<HttpsConnection> {
    const socket = connect({ host, port, servername, ca: authority });
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
    });
    return new HttpsConnection(socket);
  }

  /** Servers close what nobody has used for a while. */
  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends a whole request, head and body. */
  request(bytes: Buffer): Promise<HttpsAnswer> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const length = Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0);
    const end = headEnd + HEAD_END.length + length;
    if (this.#received.length < end) return;
    const body = this.#received.subarray(headEnd + HEAD_END.length, end);
    this.#received = this.#received.subarray(end);
    this.#answered?.({ status: Number(head.slice(9, 12)), body });
  }
}
