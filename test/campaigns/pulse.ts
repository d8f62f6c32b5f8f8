import assert from 'node:assert/strict';
import { createHash, type JsonWebKey, verify } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type KeyCaller, requireDone, UNAVAILABLE } from '../api/key_caller.ts';
import type { Answer } from '../api/running_server.ts';
import { type Bundle, publicHalf } from './kill_steps.ts';

const PAUSE_MS = 20;
const MESSAGE = Buffer.from('a message that is signed again and again');
const DIGEST = createHash('sha256').update(MESSAGE).digest('base64url');

/** A program that changes a key of its own and signs with it, at an even pace and whatever it is answered. */
export class Pulse {
  readonly name: string;
  /** When changes were acknowledged, by performance.now(). */
  readonly acknowledgedAt: number[] = [];
  /** The ids of their requests. */
  readonly requestIds: string[] = [];
  signatures = 0;
  readonly #key: ReturnType<typeof publicHalf>;
  readonly #onAnswer: (answer: Answer) => void;
  #beat = 0;
  #acknowledged = 0;

  private constructor(name: string, key: ReturnType<typeof publicHalf>, onAnswer: (answer: Answer) => void) {
    this.name = name;
    this.#key = key;
    this.#onAnswer = onAnswer;
  }

  /** Makes its key. */
  static async begin(caller: KeyCaller, name: string, onAnswer: (answer: Answer) => void): Promise<Pulse> {
    const bundle = await caller.ask('POST', `/keys/${name}/create`, { kty: 'EC-HSM', crv: 'P-256' });
    return new Pulse(name, publicHalf(bundle as Bundle & { key: JsonWebKey }), onAnswer);
  }

  async keepOn(caller: KeyCaller, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.#beat += 1;
      const tags = { beat: String(this.#beat) };
      const changed = await caller.send('PATCH', `/keys/${this.name}`, { tags });
      this.#onAnswer(changed);
      if (changed.status !== UNAVAILABLE) {
        requireDone(changed, `change ${this.#beat} of ${this.name}`);
        assert.deepEqual(changed.json.tags, tags);
        this.#acknowledged = this.#beat;
        this.acknowledgedAt.push(performance.now());
        this.requestIds.push(String(changed.headers['x-ms-request-id']));
      }
      await this.#sign(caller);
      await delay(PAUSE_MS);
    }
  }

  /** @throws AssertionError when its key has another change than the last acknowledged one, or one after it that nobody answered for */
  async look(caller: KeyCaller): Promise<void> {
    const bundle = (await caller.ask('GET', `/keys/${this.name}`)) as Bundle;
    const beat = Number(bundle.tags?.beat ?? 0);
    const range = `${this.#acknowledged} to ${this.#beat}`;
    assert.ok(beat >= this.#acknowledged && beat <= this.#beat, `${this.name} has change ${beat}, and not ${range}`);
  }

  async #sign(caller: KeyCaller): Promise<void> {
    const answer = await caller.send('POST', `/keys/${this.name}/sign`, { alg: 'ES256', value: DIGEST });
    this.#onAnswer(answer);
    if (answer.status === UNAVAILABLE) return;
    requireDone(answer, `a signature of ${this.name}`);
    const signature = Buffer.from(String(answer.json.value), 'base64url');
    assert.ok(verify('sha256', MESSAGE, { key: this.#key, dsaEncoding: 'ieee-p1363' }, signature), 'a wrong signature');
    this.signatures += 1;
  }
}
