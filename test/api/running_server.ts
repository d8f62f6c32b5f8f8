import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { untilItSays } from '../fixtures/child_output.ts';
import { freePort } from '../fixtures/free_port.ts';
import type { WireExchange } from './swagger.ts';

export const PROGRAM = new URL('../../src/cli/strongroom.ts', import.meta.url).pathname;
const START_TIMEOUT_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly json: Record<string, unknown> & {
    readonly error?: { code: string; message: string; innererror?: { code: string } };
  };
}

/** The real thing: the command-line program in a process of its own, with a SoftHSM token and a directory of its own. */
export class RunningServer {
  readonly port: number;
  readonly dataDir: string;
  /** What was asked and answered through `send`. */
  readonly exchanges: WireExchange[] = [];
  readonly #settings: Readonly<Record<string, string>>;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  #output = '';
  #environment: Record<string, string> = {};
  #token: Promise<string> | undefined;

  private constructor(
    port: number,
    dataDir: string,
    settings: Readonly<Record<string, string>>,
    flags: readonly string[],
  ) {
    this.port = port;
    this.dataDir = dataDir;
    this.#settings = settings;
    this.#flags = flags;
  }

  /** `settings` are variables of the environment; `prepare` is given the directory before the first start, and `flags` go to Node.js. */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    prepare: (dataDir: string) => void = () => undefined,
    flags: readonly string[] = [],
  ): Promise<RunningServer> {
    const server = new RunningServer(await freePort(), mkdtempSync(join(tmpdir(), 'strongroom-api-')), settings, flags);
    try {
      prepare(server.dataDir);
      await server.restart();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  get url(): string {
    return `https://demo.managedhsm.localhost:${this.port}`;
  }

  /** Of the process that serves; its hosts are children of it. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** For clients that speak TLS themselves. */
  get target(): {
    readonly host: string;
    readonly port: number;
    readonly servername: string;
    readonly authority: string;
  } {
    const authority = readFileSync(this.#environment.NODE_EXTRA_CA_CERTS ?? '', 'utf8');
    return { host: '127.0.0.1', port: this.port, servername: 'demo.managedhsm.localhost', authority };
  }

  /** Everything that the process has written. */
  get output(): string {
    return this.#output;
  }

  /** What `strongroom env` prints. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment;
  }

  /** `more` are settings for this life of it. */
  async restart(more: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#token = undefined;
    this.#output = '';
    const args = [...this.#flags, PROGRAM, 'start', '--data-dir', this.dataDir, '--listen', `localhost:${this.port}`];
    const env = { ...plainEnvironment(), ...this.#settings, ...more };
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const onOutput = (chunk: Buffer): void => {
      this.#output += chunk.toString('utf8');
    };
    child.stdout?.on('data', onOutput);
    child.stderr?.on('data', onOutput);
    await untilItSays(child, 'Strongroom is ready', START_TIMEOUT_MS);
    this.#environment = await exportedEnvironment(this.dataDir);
  }

  /** Sends one signal, and waits for the end. */
  async stop(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL' = 'SIGTERM'): Promise<Ended> {
    this.#child?.kill(signal);
    return this.#ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** An access token as an SDK would fetch it. */
  accessToken(): Promise<string> {
    this.#token ??= this.#fetchToken();
    return this.#token;
  }

  /** Another one, for programs that ask for longer than one lives. */
  freshAccessToken(): Promise<string> {
    this.#token = undefined;
    return this.accessToken();
  }

  async post(path: string, body: unknown): Promise<Answer> {
    return this.send('POST', path, JSON.stringify(body));
  }

  async get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  async send(method: string, path: string, body?: string): Promise<Answer> {
    const headers = { authorization: `Bearer ${await this.accessToken()}`, 'content-type': 'application/json' };
    const separator = path.includes('?') ? '&' : '?';
    const url = `${this.url}${path}${separator}api-version=2025-07-01`;
    const answer = await this.exchange(url, method, headers, body);
    this.exchanges.push({ method, url, status: answer.status, body: answer.json });
    return answer;
  }

  /** One request over TLS that verifies names and certificates, as the environment of clients has it. */
  exchange(
    url: string,
    method: string,
    headers: Record<string, string>,
    body?: string,
    agent: Agent | false = false,
  ): Promise<Answer> {
    const ca = readFileSync(this.#environment.NODE_EXTRA_CA_CERTS ?? '');
    return new Promise((resolve, reject) => {
      const asked = request(url, { method, headers, ca, agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = text === '' ? {} : JSON.parse(text);
          resolve({ status: response.statusCode ?? 0, headers: response.headers, json });
        });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  async #fetchToken(): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: this.#environment.AZURE_CLIENT_ID ?? '',
      client_secret: this.#environment.AZURE_CLIENT_SECRET ?? '',
      scope: `https://managedhsm.localhost:${this.port}/.default`,
    });
    const url = `${this.#environment.AZURE_AUTHORITY_HOST}/adfs/oauth2/v2.0/token`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { json } = await this.exchange(url, 'POST', headers, form.toString());
    return String(json.access_token);
  }
}

/** Nothing of the tests' own environment that could change what the program does. */
export function plainEnvironment(): Record<string, string> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE } = process.env;
  return { PATH, HOME, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}

/** Evaluates the output of `strongroom env` in a shell, as a person does, and gives the variables it sets. */
async function exportedEnvironment(dataDir: string): Promise<Record<string, string>> {
  const script = `eval "$('${process.execPath}' '${PROGRAM}' env --data-dir '${dataDir}')" && env -0`;
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script], { env: plainEnvironment() });
  const variables = stdout.split('\0').filter((line) => /^(?:STRONGROOM|AZURE|NODE|REQUESTS|SSL)_/.test(line));
  return Object.fromEntries(
    variables.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}
