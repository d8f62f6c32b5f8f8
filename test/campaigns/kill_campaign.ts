import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { decodeAttributes, encodeQuery } from '../../src/pkcs11/template.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { preparePool } from '../../src/start/prepare_pool.ts';
import { KeyCaller, requireDone, UNAVAILABLE } from '../api/key_caller.ts';
import type { Answer, RunningServer } from '../api/running_server.ts';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { findObjects } from '../fixtures/token_inventory.ts';
import { lookAt, proveUse, settle } from './kill_looks.ts';
import { chooseStep, type KillStep, type Life } from './kill_steps.ts';

const NAME_PREFIX = 'key-';
const LABEL_ANSWER_BYTES = 1024;
const WORKERS = 6;
const NAMES_EACH = 3;
/** Most lives are long enough for some dozens of steps; in the shortest the first ones are cut off. */
const LONGEST_LIFE_MS = 700;
const KILLED_AT_START = 0.15;
const LONGEST_START_MS = 2_000;

/** What a campaign has seen, for whoever reads its log. */
export interface KillTally {
  lives: number;
  startsKilled: number;
  acknowledged: number;
  /** Steps that nobody got an answer to: with all of their effect, and without any. */
  unanswered: { done: number; notDone: number };
  versionsProved: number;
}

/**
 * Kills a server in the middle of its work, life after life, over the same data, and looks each time whether everything that it has
 * acknowledged is there, all of it usable, and nothing else.
 */
export class KillCampaign {
  readonly tally: KillTally = {
    lives: 0,
    startsKilled: 0,
    acknowledged: 0,
    unanswered: { done: 0, notDone: 0 },
    versionsProved: 0,
  };
  readonly #server: RunningServer;
  readonly #random: SeededRandom;
  readonly #importable = importableKeys();
  readonly #lives = new Map<string, Life>();
  readonly #pending = new Map<string, KillStep>();
  readonly #macs = new Map<string, string>();
  #resident = false;
  #steps = 0;

  /** The server has no keys yet. */
  constructor(server: RunningServer, seed: number) {
    this.#server = server;
    this.#random = new SeededRandom(seed);
    for (let worker = 0; worker < WORKERS; worker++) {
      for (const name of namesOf(worker)) this.#lives.set(name, {});
    }
  }

  /** One life of the server, from work to death, and the look at what is left when it is there again. */
  async run(): Promise<void> {
    await this.#workUntilKilled();
    await this.#startAgain();
    await this.#look();
    this.tally.lives += 1;
  }

  /** Purges every key, and ends the server. What is left then is what there was at first, in the store and in the token. */
  async finish(): Promise<void> {
    const caller = await KeyCaller.open(this.#server, WORKERS);
    for (const name of this.#lives.keys()) {
      await clear(caller, name);
      this.#lives.set(name, {});
    }
    caller.close();
    await this.#server.stop();
    await this.#server.restart();
    await this.#look();
    await this.#server.stop();
    const objects = await keyObjects(this.#server.dataDir);
    if (objects.length > 0) throw new Error(`The token has objects of keys that are no more: ${objects}`);
  }

  async #workUntilKilled(): Promise<void> {
    const caller = await KeyCaller.open(this.#server, WORKERS);
    let killed = false;
    const working = Array.from({ length: WORKERS }, (_, worker) => this.#work(caller, worker, () => killed));
    const lifeMs = this.#random.integer(0, LONGEST_LIFE_MS);
    await Promise.race([delay(lifeMs), Promise.all(working)]);
    killed = true;
    await this.#server.stop('SIGKILL');
    await Promise.all(working);
    caller.close();
  }

  /** One step after the other, each for one of the worker's own names, until the server is gone. */
  async #work(caller: KeyCaller, worker: number, isKilled: () => boolean): Promise<void> {
    const random = new SeededRandom(this.#random.uint32());
    let names = namesOf(worker);
    while (names.length > 0) {
      const name = random.pick(names);
      const life = this.#lives.get(name) as Life;
      this.#steps += 1;
      const around = { random, number: this.#steps, resident: this.#resident, importable: this.#importable };
      const step = chooseStep(name, life, around);
      this.#pending.set(name, step);
      let answer: Answer;
      try {
        answer = await caller.send(step.method, step.path, step.body);
      } catch (error) {
        if (isKilled()) return;
        throw error;
      }
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

  async #startAgain(): Promise<void> {
    this.#resident = this.#random.chance(0.5);
    const settings = { STRONGROOM_ENGINE_CUSTODY: this.#resident ? 'resident' : 'wrapped' };
    while (this.#random.chance(KILLED_AT_START)) {
      const starting = this.#server.restart(settings).catch(() => undefined);
      await delay(this.#random.integer(0, LONGEST_START_MS));
      await this.#server.stop('SIGKILL');
      await starting;
      this.tally.startsKilled += 1;
    }
    await this.#server.restart(settings);
  }

  async #look(): Promise<void> {
    const caller = await KeyCaller.open(this.#server, WORKERS);
    for (const [name, life] of this.#lives) {
      const pending = this.#pending.get(name);
      const settled = settle(life, pending, await lookAt(caller, name));
      this.#lives.set(name, settled.life);
      this.#pending.delete(name);
      if (pending !== undefined) this.tally.unanswered[settled.done ? 'done' : 'notDone'] += 1;
    }
    await this.#lookAtLists(caller);
    const active = [...this.#lives.values()].flatMap(({ key }) =>
      key?.deleted === undefined ? (key?.versions ?? []) : [],
    );
    await Promise.all(active.map((version) => proveUse(caller, version, this.#macs)));
    this.tally.versionsProved += active.length;
    caller.close();
  }

  /** Names that nobody was told of would be in there. */
  async #lookAtLists(caller: KeyCaller): Promise<void> {
    const named = ({ kid }: { readonly kid?: unknown }): string => String(kid).split('/').at(4) ?? '';
    const held = [...this.#lives].filter(([, { key }]) => key !== undefined);
    for (const [path, isDeleted] of [
      ['/keys', false],
      ['/deletedkeys', true],
    ] as const) {
      const listed = (await caller.list(path)).map(named);
      const expected = held.filter(([, { key }]) => (key?.deleted !== undefined) === isDeleted).map(([name]) => name);
      if (listed.join() !== expected.toSorted().join()) throw new Error(`${path} has ${listed}, and not ${expected}`);
    }
  }
}

async function clear(caller: KeyCaller, name: string): Promise<void> {
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
function importableKeys(): readonly JsonWebKey[] {
  const pairs = [
    ...[1, 2, 3].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' })),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ];
  return [
    ...pairs.map(({ privateKey }) => privateKey.export({ format: 'jwk' })),
    ...[1, 2].map(() => ({ kty: 'oct', k: randomBytes(32).toString('base64url') })),
  ];
}

/**
 * The labels of objects of keys in the token of a server that has ended. SoftHSM makes an object in several steps, and where it is killed
 * before it has given it its label and its CKA_ID it leaves one without: nobody finds it, and it has no value yet.
 */
async function keyObjects(dataDir: string): Promise<string[]> {
  const configuration = loadConfiguration({ environment: {}, flags: { dataDir } });
  const pool = await HsmPool.open((await preparePool(configuration, dataDirectory(dataDir), false)).options);
  try {
    const [host] = pool.hosts;
    const template = encodeQuery(['CKA_LABEL']);
    const labels: string[] = [];
    for (const object of await findObjects(pool, { CKA_TOKEN: true }, host)) {
      const query = ringRequest(RING_OPERATION.getAttributes, { object, template, capacity: LABEL_ANSWER_BYTES });
      const { answer } = await pool.call(query, { host });
      labels.push(Buffer.from(decodeAttributes(answer).bytes('CKA_LABEL') ?? []).toString());
    }
    return labels.filter((label) => label.startsWith(NAME_PREFIX));
  } finally {
    await pool.close();
  }
}
