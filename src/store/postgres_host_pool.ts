import { Socket } from 'node:net';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { PostgresHost } from './postgres_address.ts';
import { StoreMoved } from './postgres_failure.ts';

/** A bounded number of connections to one host, for as long as that is where changes go. */
export class HostPool {
  readonly host: PostgresHost;
  readonly #pool: Pool;
  /** Of all connections, so that no end of one has to wait for the other side. */
  readonly #sockets = new Set<Socket>();
  /** Connections that were found to be to the right server. */
  readonly admitted = new WeakSet<PoolClient>();
  readonly #waiting = new Set<(error: Error) => void>();
  #ending: Promise<void> | undefined;
  #isAbandoned = false;

  constructor(host: PostgresHost, options: PoolConfig) {
    this.host = host;
    this.#pool = new Pool({ ...options, stream: () => this.#openSocket() });
    // Whoever uses a connection that breaks hears of it from his statement; nobody else has to.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => client.on('error', () => undefined));
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned;
  }

  /** @throws StrongroomError `Throttled`; StoreMoved when the pool ends meanwhile */
  acquire(): Promise<PoolClient> {
    if (this.#pool.waitingCount >= LIMITS.storeConnectionsWaiting) {
      throw new StrongroomError('Throttled', 'Too many calls wait for the store.', { retryAfterMs: 1_000 });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#pool.connect().then(
        (client) => {
          if (this.#waiting.delete(reject)) resolve(client);
          else client.release(true);
        },
        (error: Error) => {
          this.#waiting.delete(reject);
          reject(error);
        },
      );
    });
  }

  /** No new work: who waits for a connection goes elsewhere, and what is under way comes to its end. */
  retire(): Promise<void> {
    this.#ending ??= this.#pool.end();
    for (const reject of this.#waiting) reject(new StoreMoved());
    this.#waiting.clear();
    return this.#ending;
  }

  /** What is under way ends at once as well: nothing more of it reaches the host. */
  abandon(): Promise<void> {
    this.#isAbandoned = true;
    const ended = this.retire();
    for (const socket of this.#sockets) socket.destroy();
    return ended;
  }

  #openSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }
}
