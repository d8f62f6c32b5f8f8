import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ContenderProcess } from './contender_process.ts';
import type { ContenderSetup } from './contenders/contender.ts';
import type { ContenderRow } from './contenders.ts';
import type { Command, RawLoopSetup } from './protocol.ts';
import { compileRawLoop } from './raw/compile.ts';
import type { ScratchToken } from './scratch_token.ts';

/** A contender in its own process, its keys made. Start one after the other: SoftHSM instances that start together race. */
export async function startContender(row: ContenderRow, token: ScratchToken): Promise<ContenderProcess> {
  const contender =
    row.program === 'raw'
      ? new ContenderProcess(row.id, await compileRawLoop(), [], token.environment)
      : startProgram(row.id, row.program, token.environment);
  const directory = join(token.directory, row.id);
  await mkdir(directory, { recursive: true });
  await contender.ask(openCommand(row, token, directory));
  return contender;
}

/** One of the programs of `contenders/`, on this Node.js. */
export function startProgram(
  name: string,
  program: string,
  environment: Readonly<Record<string, string>>,
): ContenderProcess {
  const path = fileURLToPath(new URL(`contenders/${program}.ts`, import.meta.url));
  return new ContenderProcess(name, process.execPath, [path], environment);
}

/** Whatever the contender is opened with; its own program knows the fields. */
export type OpenCommand = Command<Readonly<Record<string, unknown>>>;

function openCommand(row: ContenderRow, token: ScratchToken, directory: string): OpenCommand {
  const { objects, visibility = 'private', processes = 1, threads = 1, hosts = 1, isolation = 'process' } = row;
  const { signatureChecks, profile } = row;
  const same = { module: token.module, tokenSerial: token.serial, pin: token.pin, objects, visibility };
  const rawLoop: RawLoopSetup = { ...same, processes, threads };
  const setup: ContenderSetup = { ...same, directory, hosts, isolation, signatureChecks, profile };
  return row.program === 'raw' ? { command: 'open', ...rawLoop } : { command: 'open', ...setup };
}
