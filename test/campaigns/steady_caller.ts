import assert from 'node:assert/strict';
import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '../../bench/statistics.ts';
import { KeyCaller } from '../api/key_caller.ts';
import type { RunningServer } from '../api/running_server.ts';
import type { Json } from './kill_steps.ts';

const KEY = 'steady';
/** Whoever asked on while others have the machine would be busy with what he has asked for long after. */
const MOST_UNDER_WAY = 1_000;
const MESSAGE = Buffer.from('a message that is signed again and again');
const DIGEST = createHash('sha256').update(MESSAGE).digest('base64url');

/** A program that behaves: it has the server sign at an even pace, verifies every signature, and remembers how long each took. */
export class SteadyCaller {
  readonly #caller: KeyCaller;
  readonly #key: ReturnType<typeof createPublicKey>;
  #latenciesMs: number[] = [];

  private constructor(caller: KeyCaller, key: JsonWebKey) {
    this.#caller = caller;
    this.#key = createPublicKey({ key, format: 'jwk' });
  }

  /** Makes its key. */
  static async open(server: RunningServer, connections = 4): Promise<SteadyCaller> {
    const caller = await KeyCaller.open(server, connections);
    const { key } = await caller.ask('POST', `/keys/${KEY}/create`, { kty: 'EC-HSM', crv: 'P-256' });
    return new SteadyCaller(caller, { ...(key as JsonWebKey), kty: 'EC' });
  }

  /** How many answers were 503 so far. */
  get timesUnavailable(): number {
    return this.#caller.timesUnavailable;
  }

  /** Asks again after 503, as Azure's clients do. @throws Error for another answer that is no signature of that key */
  async sign(): Promise<void> {
    const started = performance.now();
    const json = await this.#caller.ask('POST', `/keys/${KEY}/sign`, { alg: 'ES256', value: DIGEST });
    this.#latenciesMs.push(performance.now() - started);
    const signature = Buffer.from(String(json.value), 'base64url');
    assert.ok(verify('sha256', MESSAGE, { key: this.#key, dsaEncoding: 'ieee-p1363' }, signature), 'a wrong signature');
  }

  /** Several rounds of what a key goes through, which leave nothing behind. */
  async live(name: string): Promise<void> {
    const path = `/keys/${name}`;
    await this.#caller.ask('POST', `${path}/create`, { kty: 'oct-HSM', key_size: 256 });
    const value = Buffer.from(name).toString('base64url');
    const sealed: Json = await this.#caller.ask('POST', `${path}/encrypt`, { alg: 'A256GCM', value });
    const { value: ciphertext, iv, tag } = sealed;
    const opened = await this.#caller.ask('POST', `${path}/decrypt`, { alg: 'A256GCM', value: ciphertext, iv, tag });
    assert.equal(opened.value, value);
    await this.#caller.list('/keys');
    await this.#caller.ask('DELETE', path);
    await this.#caller.ask('DELETE', `/deletedkeys/${name}`);
  }

  /** Asks as often a second as that, until the time is over; where answers do not keep up with it, it asks less. Answers how often it has asked. */
  async keepAsking(perSecond: number, seconds: number): Promise<number> {
    const started = performance.now();
    const endMs = started + seconds * 1000;
    const underWay = new Set<Promise<void>>();
    let asked = 0;
    for (; asked < perSecond * seconds && performance.now() < endMs; asked++) {
      const waitMs = started + (asked * 1000) / perSecond - performance.now();
      if (waitMs > 0) await delay(waitMs);
      const [oldest] = underWay;
      if (underWay.size === MOST_UNDER_WAY) await oldest;
      const one = this.sign().finally(() => underWay.delete(one));
      underWay.add(one);
    }
    await Promise.all(underWay);
    return asked;
  }

  /** The latencies so far, in milliseconds; what is asked from now on counts anew. */
  takeLatenciesMs(): number[] {
    const latenciesMs = this.#latenciesMs;
    this.#latenciesMs = [];
    return latenciesMs;
  }

  /** The latency that all but one of a hundred stay below, in milliseconds; what is asked from now on counts anew. */
  takeP99(): number {
    return quantile(this.takeLatenciesMs(), 0.99);
  }

  close(): void {
    this.#caller.close();
  }
}
