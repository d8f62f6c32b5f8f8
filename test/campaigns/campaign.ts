import { randomInt } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { recordResult } from './results.ts';
import { CAMPAIGNS, type Campaign, type CampaignName } from './table.ts';

const LARGEST_SEED = 2 ** 31 - 1;
const LONGEST_MS = 20 * 24 * 3_600_000;
/** Whoever reads them sees from the first ones what is wrong. */
const FAILURES_TOLD = 20;

/** One run of a campaign: what it is to reach, and what it has come to. */
export class CampaignRun {
  /** Repeats the choices of this run, if not the instants. */
  readonly seed: number;
  /** How many cases there are to be. */
  readonly count: number;
  /** True for the run that takes its time; in the other one nothing is said about speed. */
  readonly isFull: boolean;
  readonly random: SeededRandom;
  /** How many cases there have been. */
  done = 0;
  readonly failures: string[] = [];
  readonly measured: Record<string, number> = {};
  readonly #t: ExecutionContext;
  readonly #name: CampaignName;
  #variables: Readonly<Record<string, string | undefined>> = {};

  constructor(t: ExecutionContext, name: CampaignName, seed: number, count: number) {
    this.#t = t;
    this.#name = name;
    this.seed = seed;
    this.count = count;
    this.isFull = process.env.STRONGROOM_FULL === '1';
    this.random = new SeededRandom(seed);
  }

  /** One case that did not go as it should; those after it are still done. */
  fail(text: string): void {
    this.failures.push(text);
    if (this.failures.length <= FAILURES_TOLD) this.#t.log(`FAILED: ${text}`);
  }

  /** A figure for the report: its name ends with its unit, as in 'longest gap, ms'. A run fails that has nothing to take it from. */
  measure(name: string, value: number): void {
    if (!Number.isFinite(value)) {
      this.fail(`There is no figure for '${name}'`);
      return;
    }
    this.measured[name] = Number(value.toPrecision(4));
  }

  /** Variables of the environment that lead to the failure faster than the seed does. */
  repeatWith(variables: Readonly<Record<string, string | undefined>>): void {
    this.#variables = variables;
  }

  /** What a person types to see it again. */
  repeatCommand(): string {
    const variables = Object.entries(this.#variables).filter(([, value]) => value !== undefined);
    const settings = variables.map(([name, value]) => `${name}='${value}' `).join('');
    return `${settings}npm run test:campaigns -- ${this.#name} --seed ${this.seed} --count ${this.count}`;
  }
}

/**
 * Declares the test of a campaign. `work` counts its cases in `run.done`, tells of failures by `run.fail`, and may assert whatever holds
 * for all of them together.
 */
export function campaign(
  name: CampaignName,
  work: (t: ExecutionContext, run: CampaignRun) => Promise<void> | void,
  declare: (title: string, implementation: (t: ExecutionContext) => Promise<void>) => void = test.serial,
): void {
  const row: Campaign = CAMPAIGNS[name];
  const count = numberFrom('STRONGROOM_COUNT', 1) ?? (process.env.STRONGROOM_FULL === '1' ? row.full : row.short);
  declare(`${name}: ${count} ${row.unit}: ${row.claim}`, async (t) => {
    t.timeout(LONGEST_MS);
    const run = new CampaignRun(t, name, numberFrom('STRONGROOM_SEED', 0) ?? randomInt(LARGEST_SEED), count);
    const started = performance.now();
    try {
      await work(t, run);
      if (run.failures.length === 0 && run.done < count) run.fail(`It ended after ${run.done} of ${count}.`);
    } catch (error) {
      run.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const seconds = Math.round((performance.now() - started) / 1000);
    t.log(`seed ${run.seed}, ${run.done} ${row.unit}, ${seconds} s, ${JSON.stringify(run.measured)}`);
    await recordResult({
      campaign: name,
      count: run.done,
      full: row.full,
      failures: run.failures.length,
      measured: run.measured,
      seed: run.seed,
      seconds,
    });
    // The first assertion that fails ends a test, so that what came of it is on record by now.
    t.is(run.failures[0], undefined, `To choose the same again: ${run.repeatCommand()}`);
  });
}

/** An integer from the environment, as scripts/test_campaigns.ts has put it there. */
function numberFrom(variable: string, least: number): number | undefined {
  const given = process.env[variable];
  if (given === undefined) return undefined;
  const number = Number(given);
  if (!Number.isInteger(number) || number < least || number > LARGEST_SEED) {
    throw new TypeError(`Expected an integer from ${least} to ${LARGEST_SEED} for ${variable}, received ${given}.`);
  }
  return number;
}
