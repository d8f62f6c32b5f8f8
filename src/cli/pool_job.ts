import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { SettingOptions } from './read_settings.ts';
import { ServiceClient } from './service_client.ts';

export interface StorageOptions extends SettingOptions {
  readonly storage?: string | undefined;
  readonly tokenFile?: string | undefined;
  /** False where nobody waits for the end. */
  readonly wait?: boolean | undefined;
}

/** What the requests that begin a backup or a restore are told of the storage. */
export interface StorageBody {
  readonly storageResourceUri: string;
  readonly token?: string;
}

/** The state of a job as the server gives it. */
interface GivenJob {
  readonly status: string;
  readonly statusDetails: string;
  readonly error: { readonly code: string | null; readonly innererror?: { readonly code: string } | null } | null;
  readonly jobId: string;
  readonly azureStorageBlobContainerUri?: string | null;
}

type What = 'backup' | 'restore';

const TOKEN_VARIABLE = 'STRONGROOM_SAS_TOKEN';
const POLL_MS = 1_000;

/** The SAS token comes from a file or a variable, never from an argument, which everybody on the machine can see. */
export async function readStorage({ storage, tokenFile }: StorageOptions): Promise<StorageBody | undefined> {
  if (storage === undefined) return undefined;
  const token = tokenFile === undefined ? process.env[TOKEN_VARIABLE] : await readToken(tokenFile);
  return { storageResourceUri: storage, ...(token !== undefined && { token: token.trim() }) };
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`;
    throw new ConfigurationError([{ path: '--token-file', message }]);
  }
}

/** Asks the server to begin one, prints its id, and stays with it until it has ended. */
export async function beginJob(
  options: StorageOptions,
  what: What,
  method: 'POST' | 'PUT',
  path: string,
  body: object,
): Promise<number> {
  const client = await ServiceClient.open(options);
  const begun = (await client.askPool(method, path, body)).json as GivenJob;
  console.log(begun.jobId);
  return options.wait === false ? 0 : follow(client, what, begun);
}

/** Prints the state of one, and answers 0 unless it has failed. */
export async function tellJob(options: SettingOptions, what: What, id: string): Promise<number> {
  const client = await ServiceClient.open(options);
  const job = await ask(client, what, id);
  console.log(`${job.status}  ${job.statusDetails}`);
  return conclude(job);
}

async function follow(client: ServiceClient, what: What, begun: GivenJob): Promise<number> {
  const progress = new ProgressLine();
  let job = begun;
  while (job.status === 'InProgress') {
    progress.show(job.statusDetails);
    await delay(POLL_MS);
    job = await ask(client, what, job.jobId);
  }
  progress.end(job.statusDetails);
  return conclude(job);
}

async function ask(client: ServiceClient, what: What, id: string): Promise<GivenJob> {
  return (await client.askPool('GET', `/${what}/${encodeURIComponent(id)}/pending`)).json as GivenJob;
}

function conclude({ status, error, azureStorageBlobContainerUri: folder }: GivenJob): number {
  if (folder) console.log(folder);
  if (status !== 'Failed') return 0;
  console.error(`It failed: ${error?.innererror?.code ?? error?.code}.`);
  return 1;
}

/** On a terminal one line that is written over, elsewhere a line for each thing that is new. */
class ProgressLine {
  #shown = '';

  show(text: string): void {
    if (text === this.#shown) return;
    this.#shown = text;
    process.stderr.write(process.stderr.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
  }

  end(text: string): void {
    this.show(text);
    if (process.stderr.isTTY) process.stderr.write('\n');
  }
}
