import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { KeyCaller, UNAVAILABLE } from '../api/key_caller.ts';
import { type Answer, PROGRAM, plainEnvironment, type RunningServer } from '../api/running_server.ts';
import { linesOf } from '../audit/test_log.ts';
import type { PostgresPair } from '../fixtures/postgres_pair.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';
import { FAULTS } from './failover_faults.ts';
import { KeyLives, type LivesTally, WORKERS } from './key_lives.ts';
import { Pulse } from './pulse.ts';

const PULSES = 3;
const CONNECTIONS = WORKERS + 2 * PULSES;
const LONGEST_CALM_MS = 400;
/** How long a former primary is there beside the new one, under traffic. */
const SECOND_PRIMARY_MS = 1_000;
const GIVEN_UP_MS = 60_000;
/** What docs/errors.md has for a store that cannot be reached; the rest of an answer says which. */
const EXPECTED_CODES: ReadonlySet<string> = new Set(['ServiceUnavailable', 'OutcomeUnknown']);

/** How long nobody had a change acknowledged around one fault, in milliseconds. */
export interface WriteGap {
  readonly fault: string;
  /** From the moment at which a primary takes changes again. */
  readonly sinceWritable: number;
  /** From the last acknowledgement before the fault, or from the fault where there was none. */
  readonly sinceFault: number;
  /** As the first, for the last of all who were making changes. */
  readonly slowest: number;
}

/** Has a server serve over two PostgreSQL servers while one thing after the other happens to their primary. */
export class FailoverCampaign {
  readonly gaps: WriteGap[] = [];
  unavailable = 0;
  readonly #server: RunningServer;
  readonly #pair: PostgresPair;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #random: SeededRandom;
  readonly #lives: KeyLives;
  readonly #pulses: Pulse[] = [];

  /** The server has no keys yet. */
  constructor(
    server: RunningServer,
    pair: PostgresPair,
    settings: Readonly<Record<string, string>>,
    random: SeededRandom,
  ) {
    this.#server = server;
    this.#pair = pair;
    this.#settings = settings;
    this.#random = random;
    this.#lives = new KeyLives(random);
  }

  get tally(): LivesTally {
    return this.#lives.tally;
  }

  get signatures(): number {
    return this.#pulses.reduce((sum, { signatures }) => sum + signatures, 0);
  }

  get changes(): number {
    return this.#pulses.reduce((sum, { acknowledgedAt }) => sum + acknowledgedAt.length, 0);
  }

  /** One fault under traffic, and the look at what is there afterwards. */
  async run(): Promise<void> {
    const caller = await KeyCaller.open(this.#server, CONNECTIONS);
    await this.#beginPulses(caller);
    let over = false;
    const isOver = (): boolean => over;
    const traffic = Promise.all([
      this.#lives.work({ caller, resident: false, isOver, onAnswer: this.#require }),
      ...this.#pulses.map((pulse) => pulse.keepOn(caller, isOver)),
    ]);
    const failed = traffic.then(() => new Promise<never>(() => undefined));
    await Promise.race([failed, this.#happen()]).finally(() => {
      over = true;
    });
    await traffic;
    await this.#lives.look(
      caller,
      this.#pulses.map(({ name }) => name),
    );
    for (const pulse of this.#pulses) await pulse.look(caller);
    caller.close();
  }

  /** Ends the server. @throws Error unless the audit log holds, and has every change that was acknowledged */
  async finish(): Promise<void> {
    await this.#server.stop();
    const { dataDir } = this.#server;
    const env = { ...plainEnvironment(), ...this.#settings };
    await promisify(execFile)(process.execPath, [PROGRAM, 'audit', 'verify', '--data-dir', dataDir], { env });
    const recorded = new Set((await this.#records()).map(({ properties }) => (properties as Properties)?.requestId));
    const missing = this.#pulses.flatMap(({ requestIds }) => requestIds).filter((id) => !recorded.has(id));
    if (missing.length > 0) throw new Error(`${missing.length} changes are not on record, as ${missing[0]}`);
  }

  async #beginPulses(caller: KeyCaller): Promise<void> {
    while (this.#pulses.length < PULSES) {
      const name = `pulse-${this.#pulses.length}`;
      this.#pulses.push(await Pulse.begin(caller, name, this.#require));
    }
  }

  async #happen(): Promise<void> {
    await delay(this.#random.integer(LONGEST_CALM_MS / 4, LONGEST_CALM_MS));
    const fault = this.#random.pick(FAULTS);
    const began = performance.now();
    const before = this.#pulses.flatMap(({ acknowledgedAt }) => acknowledgedAt.at(-1) ?? []);
    const { writableAt, promoted, comeBack } = await fault.happen(this.#pair, this.#random);
    const first = await Promise.all(this.#pulses.map((pulse) => acknowledgedAfter(pulse, writableAt, fault.name)));
    const soonest = Math.min(...first);
    this.gaps.push({
      fault: fault.name,
      sinceWritable: soonest - writableAt,
      sinceFault: soonest - (before.length > 0 ? Math.max(...before) : began),
      slowest: Math.max(...first) - writableAt,
    });
    if (comeBack !== undefined) {
      comeBack();
      await delay(SECOND_PRIMARY_MS);
    }
    await (promoted ? this.#pair.rejoin() : this.#pair.isWhole());
  }

  readonly #require = ({ status, json }: Answer): void => {
    if (status !== UNAVAILABLE) return;
    this.unavailable += 1;
    const code = json.error?.code ?? 'nothing';
    if (!EXPECTED_CODES.has(code)) throw new Error(`It was answered with ${status} ${JSON.stringify(json)}`);
  };

  async #records(): Promise<readonly Record<string, unknown>[]> {
    if (this.#settings.STRONGROOM_AUDIT_LEDGER !== 'postgres') return linesOf(`${this.#server.dataDir}/audit`);
    const database = String(this.#settings.STRONGROOM_STORE_URL).split('/').at(-1);
    const rows = await this.#pair.primary.query('SELECT line FROM audit_line', database);
    return rows.map(({ line }) => JSON.parse(String(line)) as Record<string, unknown>);
  }
}

interface Properties {
  readonly requestId?: string;
}

/** When somebody had a change acknowledged for the first time after that. */
async function acknowledgedAfter({ acknowledgedAt, name }: Pulse, moment: number, fault: string): Promise<number> {
  const deadline = performance.now() + GIVEN_UP_MS;
  for (;;) {
    const first = acknowledgedAt.find((at) => at >= moment);
    if (first !== undefined) return first;
    if (performance.now() > deadline) throw new Error(`${name} had nothing acknowledged after: ${fault}`);
    await delay(5);
  }
}
