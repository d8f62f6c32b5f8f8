import { spawn } from 'node:child_process';

export interface StepResult {
  readonly succeeded: boolean;
  /** What went to standard output, when it was asked for. */
  readonly output: string;
}

/** Runs a command to its end and shows what it says while it runs. A capture costs the command its terminal. */
export async function runStep(command: readonly string[], capture: boolean): Promise<StepResult> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', capture ? 'pipe' : 'inherit', 'inherit'] });
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    process.stdout.write(text);
  });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  child.on('error', (error) => {
    console.error(`${file} did not start: ${error.message}`);
    resolve(false);
  });
  child.on('close', (code, signal) => {
    if (signal !== null) console.error(`${file} was ended by ${signal}`);
    resolve(code === 0);
  });
  return { succeeded: await promise, output };
}
