import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContenderProcess } from './contender_process.ts';
import type { ManyKeysCommand, ManyKeysSlice } from './contenders/many_keys.ts';
import { takeRounds } from './coordinator.ts';
import type { Figures } from './judge.ts';
import { OthersWatch } from './others_watch.ts';
import { waitForQuiet } from './quiet_machine.ts';
import { count, significant, table, withRange } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { startProgram } from './start_contender.ts';
import { median, ratioPerRound, spread } from './statistics.ts';

const FEW = 100;
const MANY = 100_000;
const WORK = [
  { command: 'create', title: 'create a P-256 key', figure: 'many-keys/create', count: 10 },
  { command: 'firstUse', title: 'first use of a key (HMAC-SHA256)', figure: 'many-keys/first-use', count: 100 },
] as const;

interface ManyKeysRow {
  readonly title: string;
  /** Per round, in microseconds. */
  readonly fewUs: readonly number[];
  readonly manyUs: readonly number[];
}

/** Whether creating a key, and using one that the engine has not seen yet, takes longer when the store is full. */
export async function measureManyKeys(selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  const few = await startStore(FEW, token);
  const many = await startStore(MANY, token);
  const rows: ManyKeysRow[] = [];
  const figures: Figures = {};
  try {
    await waitForQuiet();
    for (const work of WORK) {
      const { row, disturbedRounds } = await measureWork(work, [few, many], selection.rounds);
      figures[work.figure] = { ...spread(ratioPerRound(row.manyUs, [row.fewUs])), disturbedRounds };
      rows.push(row);
    }
  } finally {
    await few.close();
    await many.close();
  }
  return { sets: [], rows, figures, section: section(rows) };
}

/** An engine over a store with that many keys; both are on the same token. */
export async function startStore(keys: number, token: ScratchToken): Promise<ContenderProcess> {
  const directory = join(token.directory, `keys-${keys}`);
  await mkdir(directory, { recursive: true });
  const engine = startProgram(`${keys} keys`, 'many_keys', token.environment);
  const { filledMs } = await engine.ask<{ filledMs: number }>({
    command: 'open',
    module: token.module,
    tokenSerial: token.serial,
    pin: token.pin,
    directory,
    visibility: 'private',
    hosts: 1,
    isolation: 'process',
    keys,
  });
  console.log(`A store with ${count(keys)} keys was filled in ${significant(filledMs / 1000)} s.`);
  return engine;
}

async function measureWork(
  work: (typeof WORK)[number],
  engines: readonly ContenderProcess[],
  rounds: number,
): Promise<{ row: ManyKeysRow; disturbedRounds: number }> {
  const ask = (engine: ContenderProcess): Promise<ManyKeysSlice> =>
    engine.ask<ManyKeysSlice, ManyKeysCommand>({ command: work.command, count: work.count });
  for (const engine of engines) await ask(engine);
  const { slices, disturbedRounds } = await takeRounds(engines, rounds, new OthersWatch(engines), ask);
  const [fewUs, manyUs] = slices.map((perRound) =>
    perRound.map((both) => both.reduce((sum, slice) => sum + slice.elapsedNs, 0) / both.length / work.count / 1000),
  );
  return { row: { title: work.title, fewUs: fewUs!, manyUs: manyUs! }, disturbedRounds };
}

function section(rows: readonly ManyKeysRow[]): string {
  const lines = rows.map(({ title, fewUs, manyUs }) => [
    title,
    `${significant(median(fewUs))} µs`,
    `${significant(median(manyUs))} µs`,
    withRange(spread(ratioPerRound(manyUs, [fewUs]))),
  ]);
  const heads = ['', `with ${count(FEW)} keys stored`, `with ${count(MANY)}`, 'ratio'];
  return `## Many keys\n\n${table(heads, lines)}`;
}
