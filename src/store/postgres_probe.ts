import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';
import { askStanding, type Standing } from './postgres_standing.ts';

const PAUSE_MS = 500;
/** For the connection, and for the answer. */
const PATIENCE_MS = 2_000;

/** Asks one host again and again what it is, over a connection of its own that nothing else has to wait for. */
export class PostgresProbe {
  readonly #options: ClientConfig;
  readonly #onAnswer: () => void;
  readonly #stopped = new AbortController();
  readonly #asking: Promise<void>;
  #client: Client | undefined;
  #socket: Socket | undefined;
  /** What it said when it was asked last. */
  standing: Standing | undefined;
  /** Why it did not say anything. */
  failure: unknown;

  constructor(options: ClientConfig, onAnswer: () => void) {
    this.#options = options;
    this.#onAnswer = onAnswer;
    this.#asking = this.#askAgainAndAgain();
  }

  get hasAnswered(): boolean {
    return this.standing !== undefined || this.failure !== undefined;
  }

  async close(): Promise<void> {
    this.#stopped.abort();
    this.#drop();
    await this.#asking;
  }

  async #askAgainAndAgain(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        this.standing = await this.#ask();
        this.failure = undefined;
      } catch (error) {
        this.#drop();
        this.standing = undefined;
        this.failure = error;
      }
      if (!signal.aborted) this.#onAnswer();
      await delay(PAUSE_MS, undefined, { ref: false, signal }).catch(() => undefined);
    }
    this.#drop();
  }

  async #ask(): Promise<Standing> {
    const client = this.#client ?? (await this.#connect());
    const standing = await askStanding(async (text) => (await client.query<Record<string, unknown>>(text)).rows[0]);
    // Somebody may wait for the first answer; for the sake of later ones no program goes on.
    this.#socket?.unref();
    return standing;
  }

  async #connect(): Promise<Client> {
    const socket = new Socket();
    const client = new Client({
      ...this.#options,
      stream: () => socket,
      application_name: 'strongroom probe',
      connectionTimeoutMillis: PATIENCE_MS,
      statement_timeout: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
    });
    client.on('error', () => undefined);
    this.#client = client;
    this.#socket = socket;
    await client.connect();
    return client;
  }

  /** Without a farewell: it may never answer again. */
  #drop(): void {
    this.#client = undefined;
    this.#socket?.destroy();
  }
}
