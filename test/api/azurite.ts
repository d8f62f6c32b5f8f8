import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { issueServerCertificate, newAuthority } from '../../src/server/tls/local_authority.ts';
import { untilItSays } from '../fixtures/child_output.ts';
import { freePort } from '../fixtures/free_port.ts';

/** Where scripts/test has put it, with the packages that test/azurite/package-lock.json names. */
const FOLDER = fileURLToPath(new URL('../../build/azurite/', import.meta.url));
const PROGRAM = join(FOLDER, 'node_modules/azurite/dist/src/blob/main.js');
const ACCOUNT = 'strongroom';
const API_VERSION = '2021-12-02';
const START_TIMEOUT_MS = 60_000;
/** It is told to end when the test's process is gone, however that ended. */
const WITH_US = ['setpriv', '--pdeathsig', 'KILL'] as const;

export const azuriteIsInstalled: boolean = existsSync(PROGRAM);

/** What a SAS token gives: to a container, of the rights of it (r, w, c, l, …), until then. */
export interface SasRequest {
  readonly container: string;
  readonly rights: string;
  readonly expires?: Date;
  /** Signs with another key than the account has. */
  readonly forged?: boolean;
}

/** Microsoft's emulator of Azure Blob storage, over TLS, with an account of its own; what is stored in it is gone with it. */
export class Azurite {
  readonly origin: string;
  /** File with the certificate of the authority that its own is of. */
  readonly authorityFile: string;
  readonly #authority: string;
  readonly #key: Buffer;
  readonly #directory: string;
  readonly #child: ChildProcess;

  private constructor(port: number, directory: string, authority: string, key: Buffer, child: ChildProcess) {
    this.origin = `https://127.0.0.1:${port}`;
    this.authorityFile = join(directory, 'authority.pem');
    this.#authority = authority;
    this.#directory = directory;
    this.#key = key;
    this.#child = child;
  }

  static async start(): Promise<Azurite> {
    const directory = await mkdtemp(join(tmpdir(), 'strongroom-azurite-'));
    const names = ['127.0.0.1'];
    const authority = await newAuthority('azurite', names, new Date());
    const { certificate, key } = await issueServerCertificate(authority, names, new Date());
    await writeFile(join(directory, 'authority.pem'), authority.certificate);
    await writeFile(join(directory, 'certificate.pem'), certificate);
    await writeFile(join(directory, 'key.pem'), key, { mode: 0o600 });
    const accountKey = randomBytes(64);
    const port = await freePort();
    const [program, ...withUs] = WITH_US;
    const child = spawn(program, [...withUs, process.execPath, PROGRAM, ...options(directory, port)], {
      cwd: directory,
      env: { PATH: process.env.PATH ?? '', AZURITE_ACCOUNTS: `${ACCOUNT}:${accountKey.toString('base64')}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    await untilItSays(child, 'successfully listens on', START_TIMEOUT_MS);
    return new Azurite(port, directory, authority.certificate, accountKey, child);
  }

  uri(container: string): string {
    return `${this.origin}/${ACCOUNT}/${container}`;
  }

  /** Makes a container, as the owner of the account. */
  async createContainer(container: string): Promise<void> {
    const { status, text } = await this.#ask('PUT', `${this.uri(container)}?restype=container&${this.#accountSas()}`);
    if (status !== 201) throw new Error(`The container was not made: ${status} ${text}`);
  }

  /** Names of what is in it. */
  async blobs(container: string): Promise<string[]> {
    const list = `${this.uri(container)}?restype=container&comp=list&${this.#accountSas()}`;
    const { text } = await this.#ask('GET', list);
    return [...text.matchAll(/<Name>([^<]+)<\/Name>/g)].map(([, name]) => name as string);
  }

  /** A service SAS (Azure Storage REST API, "Create a service SAS", version 2020-12-06 and later). */
  sas({ container, rights, expires = new Date(Date.now() + 3_600_000), forged = false }: SasRequest): string {
    const until = secondsOf(expires);
    const fields = [rights, '', until, `/blob/${ACCOUNT}/${container}`, '', '', 'https', API_VERSION, 'c'];
    // Snapshot, encryption scope, and five headers of the answer: none of them is set.
    const text = [...fields, '', '', '', '', '', '', ''].join('\n');
    const sig = sign(forged ? randomBytes(64) : this.#key, text);
    return new URLSearchParams({ sv: API_VERSION, spr: 'https', sr: 'c', sp: rights, se: until, sig }).toString();
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.once('exit', () => resolve());
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGKILL');
      await promise;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** An account SAS over everything ("Create an account SAS"). */
  #accountSas(): string {
    const se = secondsOf(new Date(Date.now() + 3_600_000));
    const [sp, ss, srt] = ['rwdlac', 'b', 'sco'];
    const text = [ACCOUNT, sp, ss, srt, '', se, '', 'https', API_VERSION, '', ''].join('\n');
    return new URLSearchParams({
      sv: API_VERSION,
      spr: 'https',
      sp,
      ss,
      srt,
      se,
      sig: sign(this.#key, text),
    }).toString();
  }

  #ask(method: string, url: string): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const options = { method, ca: this.#authority, agent: false, headers: { 'x-ms-version': API_VERSION } };
      const asked = request(url, options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      asked.on('error', reject);
      asked.end();
    });
  }
}

function options(directory: string, port: number): string[] {
  const where = ['--blobHost', '127.0.0.1', '--blobPort', String(port)];
  const tls = ['--cert', join(directory, 'certificate.pem'), '--key', join(directory, 'key.pem')];
  return [...where, ...tls, '--inMemoryPersistence', '--disableTelemetry', '--silent'];
}

const secondsOf = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
const sign = (key: Buffer, text: string): string => createHmac('sha256', key).update(text, 'utf8').digest('base64');
