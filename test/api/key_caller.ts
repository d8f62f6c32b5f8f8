import { Agent } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from '../campaigns/kill_steps.ts';
import type { Answer, RunningServer } from './running_server.ts';

const API_VERSION = '7.5';
/** Of an answer that says nothing of what was done, as on a machine where the audit log is not written in its time. */
export const UNAVAILABLE = 503;
const DONE: readonly number[] = [200, 201, 204];
const MOST_ATTEMPTS = 10;
/** Half of what an access token lives. */
const RENEW_AFTER_MS = 30 * 60_000;

/** A program that calls one life of the server, over connections that stay open. */
export class KeyCaller {
  readonly #server: RunningServer;
  readonly #agent: Agent;
  #accessToken: Promise<string>;
  #renewAt = performance.now() + RENEW_AFTER_MS;
  #timesUnavailable = 0;

  private constructor(server: RunningServer, connections: number) {
    this.#server = server;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
    this.#accessToken = server.accessToken();
  }

  static async open(server: RunningServer, connections: number): Promise<KeyCaller> {
    const caller = new KeyCaller(server, connections);
    await caller.#accessToken;
    return caller;
  }

  /** How many answers were 503 so far. */
  get timesUnavailable(): number {
    return this.#timesUnavailable;
  }

  /** Rejects when the connection ends before the whole answer is there. */
  async send(method: string, path: string, body?: Json): Promise<Answer> {
    if (performance.now() > this.#renewAt) {
      this.#renewAt = performance.now() + RENEW_AFTER_MS;
      this.#accessToken = this.#server.freshAccessToken();
    }
    const url = new URL(path, this.#server.url);
    url.searchParams.set('api-version', API_VERSION);
    const headers = { authorization: `Bearer ${await this.#accessToken}`, 'content-type': 'application/json' };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.#server.exchange(url.href, method, headers, text, this.#agent);
    if (answer.status === UNAVAILABLE) this.#timesUnavailable += 1;
    return answer;
  }

  /** For what may be asked again while the server is too busy. @throws Error unless it is done */
  async ask(method: string, path: string, body?: Json): Promise<Json> {
    const answer = await this.#sendUntilServed(method, path, body);
    requireDone(answer, `${method} ${path}`);
    return answer.json;
  }

  /** Undefined where there is none, which is what `missing` says. */
  async find(path: string, missing = 'KeyNotFound'): Promise<Json | undefined> {
    const answer = await this.#sendUntilServed('GET', path);
    if (answer.json.error?.code === missing) return undefined;
    requireDone(answer, path);
    return answer.json;
  }

  async #sendUntilServed(method: string, path: string, body?: Json): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.send(method, path, body);
      if (answer.status !== UNAVAILABLE || attempt === MOST_ATTEMPTS) return answer;
      await delay(attempt * 100);
    }
  }

  /** All pages. */
  async list(path: string): Promise<Json[]> {
    const items: Json[] = [];
    for (let next: string | null = path; next !== null; ) {
      const page: Json = await this.ask('GET', next);
      items.push(...(page.value as Json[]));
      next = page.nextLink as string | null;
    }
    return items;
  }

  close(): void {
    this.#agent.destroy();
  }
}

export function requireDone({ status, json }: Answer, what: string): void {
  if (!DONE.includes(status)) throw new Error(`${what} was answered with ${status} ${JSON.stringify(json)}`);
}
