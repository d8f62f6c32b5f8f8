import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto';
import { type KeyCaller, requireDone, UNAVAILABLE } from '../api/key_caller.ts';
import type { Answer } from '../api/running_server.ts';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { lookAt, proveUse, settle } from './kill_looks.ts';
import { chooseStep, type KillStep, type Life } from './kill_steps.ts';

export const NAME_PREFIX = 'key-';
export const WORKERS = 6;
const NAMES_EACH = 3;

/** What has been seen, for whoever reads a log. */
export interface LivesTally {
  acknowledged: number;
  /** Steps that nobody got a certain answer to: with all of their effect, and without any. */
  unanswered: { done: number; notDone: number };
  versionsProved: number;
}

/** What a worker needs to know of where it works. */
export interface Work {
  readonly caller: KeyCaller;
  /** How the server keeps new keys. */
  readonly resident: boolean;
  /** The server is gone, or it is enough. */
  readonly isOver: () => boolean;
  readonly onAnswer?: (answer: Answer) => void;
}

/**
 * Keys of several names, each of which one worker changes step by step, and everything that was acknowledged of them. Whatever happens to the
 * server meanwhile, a look tells whether all of that is there, all of it usable, and nothing else.
 */
export class KeyLives {
  readonly tally: LivesTally = { acknowledged: 0, unanswered: { done: 0, notDone: 0 }, versionsProved: 0 };
  readonly #random: SeededRandom;
  readonly #importable = importableKeys();
  readonly #lives = new Map<string, Life>();
  readonly #pending = new Map<string, KillStep>();
  readonly #macs = new Map<string, string>();
  #steps = 0;

  /** The server has no keys yet. */
  constructor(random: SeededRandom) {
    this.#random = random;
    for (let worker = 0; worker < WORKERS; worker++) {
      for (const name of namesOf(worker)) this.#lives.set(name, {});
    }
  }

  /** All workers, until it is over. */
  async work(work: Work): Promise<void> {
    await Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#work(work, worker)));
  }

  /** One step after the other, each for one of the worker's own names, until the server is gone. */
  async #work({ caller, resident, isOver, onAnswer }: Work, worker: number): Promise<void> {
    const random = new SeededRandom(this.#random.uint32());
    let names = namesOf(worker);
    while (names.length > 0 && !isOver()) {
      const name = random.pick(names);
      const life = this.#lives.get(name) as Life;
      this.#steps += 1;
      const around = { random, number: this.#steps, resident, importable: this.#importable };
      const step = chooseStep(name, life, around);
      this.#pending.set(name, step);
      let answer: Answer;
      try {
        answer = await caller.send(step.method, step.path, step.body);
      } catch (error) {
        if (isOver()) return;
        throw error;
      }
      onAnswer?.(answer);
      if (answer.status === UNAVAILABLE) {
        // Nobody knows what has become of the key before it is looked at.
        names = names.filter((each) => each !== name);
        continue;
      }
      requireDone(answer, step.text);
      this.#lives.set(name, step.after(life, answer.json));
      this.#pending.delete(name);
      this.tally.acknowledged += 1;
    }
  }

  /** @throws AssertionError when something is not there, or not as it was acknowledged, or there is more */
  async look(caller: KeyCaller, others: readonly string[] = []): Promise<void> {
    for (const [name, life] of this.#lives) {
      const pending = this.#pending.get(name);
      const settled = settle(life, pending, await lookAt(caller, name));
      this.#lives.set(name, settled.life);
      this.#pending.delete(name);
      if (pending !== undefined) this.tally.unanswered[settled.done ? 'done' : 'notDone'] += 1;
    }
    await this.#lookAtLists(caller, others);
    const active = [...this.#lives.values()].flatMap(({ key }) =>
      key?.deleted === undefined ? (key?.versions ?? []) : [],
    );
    await Promise.all(active.map((version) => proveUse(caller, version, this.#macs)));
    this.tally.versionsProved += active.length;
  }

  /** Purges every key. */
  async clear(caller: KeyCaller): Promise<void> {
    for (const name of this.#lives.keys()) {
      await clear(caller, name);
      this.#lives.set(name, {});
    }
  }

  /** Names that nobody was told of would be in there. */
  async #lookAtLists(caller: KeyCaller, others: readonly string[]): Promise<void> {
    const named = ({ kid }: { readonly kid?: unknown }): string => String(kid).split('/').at(4) ?? '';
    const held = [...this.#lives].filter(([, { key }]) => key !== undefined);
    for (const [path, isDeleted] of [
      ['/keys', false],
      ['/deletedkeys', true],
    ] as const) {
      const listed = (await caller.list(path)).map(named);
      const expected = held.filter(([, { key }]) => (key?.deleted !== undefined) === isDeleted).map(([name]) => name);
      if (!isDeleted) expected.push(...others);
      if (listed.join() !== expected.toSorted().join()) throw new Error(`${path} has ${listed}, and not ${expected}`);
    }
  }
}

export async function clear(caller: KeyCaller, name: string): Promise<void> {
  for (const path of [`/keys/${name}`, `/deletedkeys/${name}`]) {
    while ((await caller.find(path)) !== undefined) {
      const answer = await caller.send('DELETE', path);
      if (answer.status !== UNAVAILABLE) requireDone(answer, path);
    }
  }
}

function namesOf(worker: number): readonly string[] {
  return Array.from({ length: NAMES_EACH }, (_, index) => `${NAME_PREFIX}${worker}-${index}`);
}

/** Made once: an RSA key takes node:crypto longer than a life of the server is. */
export function importableKeys(): readonly JsonWebKey[] {
  const pairs = [
    ...[1, 2, 3].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ];
  return [
    ...pairs.map(({ privateKey }) => privateKey.export({ format: 'jwk' })),
    ...[1, 2].map(() => ({ kty: 'oct', k: randomBytes(32).toString('base64url') })),
  ];
}
