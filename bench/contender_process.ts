import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Command, Failure } from './protocol.ts';

/** One contender alive in its own process; it works only while a command of ours waits for its answer. */
export class ContenderProcess {
  readonly #name: string;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  #complaints = '';

  constructor(name: string, program: string, args: readonly string[], environment: Readonly<Record<string, string>>) {
    this.#name = name;
    this.#child = spawn(program, args, { env: { ...process.env, ...environment } });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-4_000);
    });
    this.#child.stdin.on('error', () => undefined);
    this.#reader = createInterface({ input: this.#child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** @throws Error when the contender answers with a failure or goes away. */
  async ask<Answer, Sent extends { readonly command: string } = Command<Readonly<Record<string, unknown>>>>(
    command: Sent,
  ): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#name} went away during ${command.command}\n${this.#complaints}`);
    const answer = JSON.parse(value) as Answer | Failure;
    if (typeof answer === 'object' && answer !== null && 'error' in answer) {
      throw new Error(`${this.#name} failed: ${answer.error}`);
    }
    return answer as Answer;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.stdin.end(`${JSON.stringify({ command: 'close' })}\n`);
      const limit = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
      await gone;
      clearTimeout(limit);
    }
    this.#reader.close();
  }
}
