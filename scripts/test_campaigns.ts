/**
 * The campaigns of test/campaigns/table.ts at their full length, one after the other; other runs of the tests cut them short. Words choose
 * those whose names have them. `--count` makes a run longer or shorter, `--seed` repeats one. Each run appends its result to
 * test/campaigns/results.jsonl, unless it repeats another one, and the table in README.md is written anew. `--table` does that alone.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readResults, withCampaignTable } from '../test/campaigns/results.ts';
import { CAMPAIGNS, type Campaign } from '../test/campaigns/table.ts';
import { runStep } from './run_step.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const README = `${ROOT}README.md`;

const { values: flags, positionals: words } = parseArgs({
  options: { count: { type: 'string' }, seed: { type: 'string' }, table: { type: 'boolean', default: false } },
  allowPositionals: true,
});

process.chdir(ROOT);
process.env.PATH = [`${ROOT}node_modules/.bin`, process.env.PATH].join(delimiter);
process.env.STRONGROOM_FULL = '1';
process.env.STRONGROOM_SEED = flags.seed ?? String(randomInt(2 ** 31 - 1));
if (flags.count !== undefined) process.env.STRONGROOM_COUNT = flags.count;
if (flags.seed === undefined) process.env.STRONGROOM_RECORD = '1';

if (!flags.table) for (const [name, campaign] of chosen()) await run(name, campaign);
writeFileSync(README, withCampaignTable(readFileSync(README, 'utf8'), readResults()));

function chosen(): [string, Campaign][] {
  const campaigns = Object.entries<Campaign>(CAMPAIGNS);
  const unknown = words.filter((word) => campaigns.every(([name]) => !name.includes(word)));
  if (unknown.length > 0) {
    const names = campaigns.map(([name]) => name).join(', ');
    console.error(`Expected parts of names of campaigns (${names}), received ${unknown.join(', ')}.`);
    process.exit(2);
  }
  return campaigns.filter(([name]) => words.length === 0 || words.some((word) => name.includes(word)));
}

async function run(name: string, { file }: Campaign): Promise<void> {
  console.log(`\n── ${name}, STRONGROOM_SEED=${process.env.STRONGROOM_SEED}`);
  const { succeeded } = await runStep(['ava', '--concurrency', '1', '--match', `${name}: *`, file], false);
  if (!succeeded) process.exitCode = 1;
}
