import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MeasuredSet } from './coordinator.ts';
import type { Figures } from './judge.ts';
import type { MachineFacts } from './machine.ts';
import { PART_NAMES, type Part } from './parts.ts';

/** What a part of the bench found out. */
export interface PartOutcome {
  /** Of the main table. */
  readonly sets: readonly MeasuredSet[];
  /** What goals ask of this part. */
  readonly figures: Figures;
  /** The rows behind the figures, as they were measured. */
  readonly rows: readonly object[];
  /** For the page of results, in Markdown. */
  readonly section: string;
  /** SVG by file name. */
  readonly charts?: Readonly<Record<string, string>>;
}

/** An outcome with what is needed to judge it; one file per part, so that a part can be measured anew by itself. */
export interface PartResult extends Omit<PartOutcome, 'charts'> {
  readonly part: Part;
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly allMechanisms: boolean;
  /** Of all cores, what others took when the part began. */
  readonly othersShare: number;
}

export async function keepResult(
  directory: string,
  result: PartResult,
  charts: Readonly<Record<string, string>>,
): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, svg] of Object.entries(charts)) await writeFile(join(directory, name), svg);
  await writeFile(join(directory, `${result.part}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
}

/** The parts that have been measured so far, in their order. */
export async function readResults(directory: string): Promise<PartResult[]> {
  const texts = await Promise.all(
    PART_NAMES.map((part) => readFile(join(directory, `${part}.json`), 'utf8').catch(() => undefined)),
  );
  return texts.filter((text) => text !== undefined).map((text) => JSON.parse(text) as PartResult);
}
