import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GOALS } from './goals.ts';
import { judge } from './judge.ts';
import { machineFacts } from './machine.ts';
import { PARTS, type Part } from './parts.ts';
import { waitForQuiet } from './quiet_machine.ts';
import { goalTable, markdownReport } from './report.ts';
import { keepResult, readResults } from './results.ts';
import { makeScratchToken } from './scratch_token.ts';
import { parseSelection, type Selection } from './selection.ts';

/** Narrowed and quick runs are kept apart, so that they never replace the published results. */
function resultDirectory(selection: Selection): string {
  return fileURLToPath(new URL(selection.complete ? 'results/' : '../build/bench/results/', import.meta.url));
}

async function measurePart(part: Part, selection: Selection, directory: string): Promise<void> {
  console.log(`\n# ${part}\n`);
  const token = await makeScratchToken(selection);
  try {
    const othersShare = await waitForQuiet();
    const { charts = {}, ...outcome } = await PARTS[part](selection, token);
    if (part !== 'table') console.log(outcome.section);
    const { rounds, allMechanisms } = selection;
    const result = { part, machine: await machineFacts(), rounds, allMechanisms, othersShare, ...outcome };
    await keepResult(directory, result, charts);
  } finally {
    token.remove();
  }
}

/** The page, from everything that this directory has by now. */
async function writePage(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const results = await readResults(directory);
  const sets = results.flatMap((result) => result.sets);
  const figures = Object.assign({}, ...results.map((result) => result.figures));
  const verdicts = GOALS.map((goal) => judge(goal, sets, figures));
  await writeFile(join(directory, 'README.md'), markdownReport(results, verdicts));
  console.log(
    `\n${goalTable(verdicts.filter(({ verdict }) => verdict !== 'not measured'))}\n\nWritten to ${directory}`,
  );
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const selection = parseSelection(process.argv.slice(2));
const directory = resultDirectory(selection);
let failed = false;
for (const part of selection.parts) {
  try {
    await measurePart(part, selection, directory);
  } catch (error) {
    // What the other parts find out is not lost for it.
    failed = true;
    console.error(`The part ${part} was not measured:`, error);
  }
}
await writePage(directory);
if (failed) process.exit(1);
