import { appendFileSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machineFacts } from '../../bench/machine.ts';
import { CAMPAIGNS, type Campaign } from './table.ts';

/** One line for each run of a campaign that was asked for by `npm run test:campaigns`, the newest last. */
const RESULTS_FILE = fileURLToPath(new URL('results.jsonl', import.meta.url));

interface Outcome {
  readonly campaign: string;
  /** Cases that there were, of as many as a full run has. */
  readonly count: number;
  readonly full: number;
  readonly failures: number;
  /** Figures by name and unit. */
  readonly measured: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly seconds: number;
}

export interface CampaignResult extends Outcome {
  readonly commit: string;
  readonly machine: string;
  readonly date: string;
}

/** Writes it down where the runner wants that: what is done to find a failure again is no result. */
export async function recordResult(outcome: Outcome): Promise<void> {
  if (process.env.STRONGROOM_RECORD !== '1') return;
  const { cpu, cores, memoryGb, distribution, commit, date } = await machineFacts();
  const machine = `${cpu}, ${cores} cores, ${memoryGb} GB, ${distribution}`;
  const result: CampaignResult = { ...outcome, commit, machine, date };
  appendFileSync(RESULTS_FILE, `${JSON.stringify(result)}\n`);
}

export function readResults(): CampaignResult[] {
  const lines = readFileSync(RESULTS_FILE, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CampaignResult);
}

const BEGIN = '<!-- campaigns: written by npm run test:campaigns -->';
const END = '<!-- end of campaigns -->';

/** The page with the table of the newest results between its two marks. */
export function withCampaignTable(page: string, results: readonly CampaignResult[]): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`The page has no ${BEGIN} before a ${END}.`);
  return `${page.slice(0, begin + BEGIN.length)}\n${campaignTable(results)}\n${page.slice(end)}`;
}

function campaignTable(results: readonly CampaignResult[]): string {
  const newest = new Map(results.map((result) => [result.campaign, result]));
  const rows = Object.entries<Campaign>(CAMPAIGNS).map(([name, { claim, file, full, unit }]) => {
    const goal = `${full.toLocaleString('en')} ${unit}`;
    const result = newest.get(name);
    const cells = result === undefined ? [goal, 'not run in full yet', '', ''] : [goal, ...resultCells(result)];
    return [`[\`${name}\`](${file}): ${claim}`, ...cells];
  });
  const head = ['Campaign', 'Goal', 'Reached', 'Failures', 'Measured, time, commit'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function resultCells({ count, failures, measured, seconds, commit, date }: CampaignResult): string[] {
  const figures = Object.entries(measured).map(([name, value]) => `${name}: ${value.toLocaleString('en')}`);
  const time = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return [count.toLocaleString('en'), String(failures), [...figures, time, `${commit}, ${date}`].join('; ')];
}
