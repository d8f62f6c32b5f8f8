import { setTimeout as delay } from 'node:timers/promises';
import { dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { decodeAttributes, encodeQuery } from '../../src/pkcs11/template.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { preparePool } from '../../src/start/prepare_pool.ts';
import { KeyCaller } from '../api/key_caller.ts';
import type { RunningServer } from '../api/running_server.ts';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { findObjects } from '../fixtures/token_inventory.ts';
import { KeyLives, type LivesTally, NAME_PREFIX, WORKERS } from './key_lives.ts';

const LABEL_ANSWER_BYTES = 1024;
/** Most lives are long enough for some dozens of steps; in the shortest the first ones are cut off. */
const LONGEST_LIFE_MS = 700;
const KILLED_AT_START = 0.15;
const LONGEST_START_MS = 2_000;

/**
 * Kills a server in the middle of its work, life after life, over the same data, and looks each time whether everything that it has
 * acknowledged is there, all of it usable, and nothing else.
 */
export class KillCampaign {
  startsKilled = 0;
  readonly #server: RunningServer;
  readonly #random: SeededRandom;
  readonly #lives: KeyLives;
  #resident = false;

  /** The server has no keys yet. */
  constructor(server: RunningServer, seed: number) {
    this.#server = server;
    this.#random = new SeededRandom(seed);
    this.#lives = new KeyLives(this.#random);
  }

  get tally(): LivesTally {
    return this.#lives.tally;
  }

  /** One life of the server, from work to death, and the look at what is left when it is there again. */
  async run(): Promise<void> {
    await this.#workUntilKilled();
    await this.#startAgain();
    await this.#look();
  }

  /** Purges every key, and ends the server. What is left then is what there was at first, in the store and in the token. */
  async finish(): Promise<void> {
    const caller = await KeyCaller.open(this.#server, WORKERS);
    await this.#lives.clear(caller);
    caller.close();
    await this.#server.stop();
    await this.#server.restart();
    await this.#look();
    await this.#server.stop();
    const objects = await keyObjects(this.#server.dataDir, NAME_PREFIX);
    if (objects.length > 0) throw new Error(`The token has objects of keys that are no more: ${objects}`);
  }

  async #workUntilKilled(): Promise<void> {
    const caller = await KeyCaller.open(this.#server, WORKERS);
    let killed = false;
    const working = this.#lives.work({ caller, resident: this.#resident, isOver: () => killed });
    const lifeMs = this.#random.integer(0, LONGEST_LIFE_MS);
    await Promise.race([delay(lifeMs), working]);
    killed = true;
    await this.#server.stop('SIGKILL');
    await working;
    caller.close();
  }

  async #startAgain(): Promise<void> {
    this.#resident = this.#random.chance(0.5);
    const settings = { STRONGROOM_ENGINE_CUSTODY: this.#resident ? 'resident' : 'wrapped' };
    while (this.#random.chance(KILLED_AT_START)) {
      const starting = this.#server.restart(settings).catch(() => undefined);
      await delay(this.#random.integer(0, LONGEST_START_MS));
      await this.#server.stop('SIGKILL');
      await starting;
      this.startsKilled += 1;
    }
    await this.#server.restart(settings);
  }

  async #look(): Promise<void> {
    const caller = await KeyCaller.open(this.#server, WORKERS);
    await this.#lives.look(caller);
    caller.close();
  }
}

/**
 * The labels of objects of keys in the token of a server that has ended. SoftHSM makes an object in several steps, and where it is killed
 * before it has given it its label and its CKA_ID it leaves one without: nobody finds it, and it has no value yet.
 */
export async function keyObjects(dataDir: string, prefix: string): Promise<string[]> {
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
    return labels.filter((label) => label.startsWith(prefix));
  } finally {
    await pool.close();
  }
}
