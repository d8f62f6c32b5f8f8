import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../test/fixtures/free_port.ts';
import type { ContenderProcess } from './contender_process.ts';
import type { ServerReply } from './contenders/strongroom_server.ts';
import { takeRounds } from './coordinator.ts';
import { buildPackage, startInstalledServer } from './installed_server.ts';
import { measureList } from './list_pages.ts';
import { OthersWatch } from './others_watch.ts';
import type { Slice } from './protocol.ts';
import { waitForQuiet } from './quiet_machine.ts';
import { count, significant, table, withRange } from './report.ts';
import { REQUEST_NUMBER } from './request_number.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { ServerClient } from './server_client.ts';
import { makeServerStore } from './server_store.ts';
import { startProgram } from './start_contender.ts';
import { median, ratioPerRound, spread } from './statistics.ts';

const LISTED_KEYS = 5_000;
const STORED_KEYS = 100_000;
const STARTS = 5;
const CONNECTIONS = 64;
const BATCH_ITEMS = 256;
const P256 = { kty: 'EC-HSM', crv: 'P-256' } as const;
const MANY = { operation: 'p-256', inFlight: CONNECTIONS, warmUpMs: 50, measureMs: 150 } as const;
/** Long enough for several batches. */
const ONE = { operation: 'p-256', inFlight: 1, warmUpMs: 80, measureMs: 500 } as const;
const FIRST_RUN_MS = 1_000;

interface Work {
  readonly title: string;
  readonly measure: typeof MANY | typeof ONE;
  /** How many operations one request is. */
  readonly worth: number;
}

const WORK = {
  get: { title: 'get a key, 64 connections', measure: MANY, worth: 1 },
  create: { title: 'create a P-256 key, 64 connections', measure: MANY, worth: 1 },
  engineCreate: { title: 'create a P-256 key in the engine, 64 in flight', measure: MANY, worth: 1 },
  sign: { title: 'sign ES256, one connection', measure: ONE, worth: 1 },
  batch: { title: 'sign ES256 in batches of 256, one connection', measure: ONE, worth: BATCH_ITEMS },
} as const satisfies Readonly<Record<string, Work>>;

type WorkName = keyof typeof WORK;
const NAMES = Object.keys(WORK) as readonly WorkName[];
type PerWork<T> = Readonly<Record<WorkName, T>>;

/** What a program gets of the keys of a server: keys read and made, batches, lists; and how long a server with many keys takes to start. */
export async function measureApi(selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  await buildPackage();
  const dataDir = await makeServerStore(LISTED_KEYS, token);
  const port = await freePort();
  const server = startProgram('server', 'strongroom_server', {});
  await server.ask<ServerReply>({ command: 'open', dataDir, port });
  let processes: PerWork<ContenderProcess> | undefined;
  try {
    const client = await ServerClient.open(dataDir, port);
    const list = await measureList(client, server, selection.rounds);
    processes = await startAll(client, token);
    const { rates, disturbedRounds } = await measureRates(processes, server, selection.rounds);
    const starts = await measureStarts(token);
    const batchRatio = spread(ratioPerRound(rates.batch, [rates.sign]));
    return {
      sets: [],
      rows: [...NAMES.map((name) => ({ title: WORK[name].title, perSecond: rates[name] })), { ...list, starts }],
      figures: {
        'api/get': { ...spread(rates.get), disturbedRounds },
        'api/create': { ...spread(rates.create), disturbedRounds },
        'api/engine-create': { ...spread(rates.engineCreate), disturbedRounds },
        'api/batch': { ...batchRatio, disturbedRounds },
        'api/last-page': list.figure,
        'api/start': { ...spread(starts), disturbedRounds: 0 },
      },
      section: section([
        ...NAMES.map((name) => [WORK[name].title, `${withRange(spread(rates[name]))}/s`]),
        ['batches ÷ one by one', withRange(batchRatio)],
        [`list of ${count(LISTED_KEYS)} keys in pages of 25, as a whole`, `${significant(median(list.wholeMs))} ms`],
        ['its last ten pages ÷ its first ten', withRange(list.figure)],
        [`start to ready with ${count(STORED_KEYS)} keys stored`, `${withRange(spread(starts))} ms`],
      ]),
    };
  } finally {
    for (const process of Object.values(processes ?? {})) await process.close();
    await server.close();
  }
}

async function startAll(client: ServerClient, token: ScratchToken): Promise<PerWork<ContenderProcess>> {
  const created = await client.ask(client.post('/keys/bench/create', P256));
  const { pathname } = new URL((created.key as { kid: string }).kid);
  const item = { alg: 'ES256', value: Buffer.alloc(32, 1).toString('base64url') };
  const operations = Array.from({ length: BATCH_ITEMS }, () => ({ reference: '', operation: 'sign', ...item }));
  const batch = client.post(`${pathname}/batch`, { operations });
  const { results } = (await client.ask(batch)) as { results: readonly { status: number }[] };
  if (!results.every(({ status }) => status === 200)) throw new Error('Not every item of the batch was signed');
  return {
    get: await startLoad(client, CONNECTIONS, client.get(pathname)),
    create: await startLoad(client, CONNECTIONS, client.post(`/keys/made-${REQUEST_NUMBER}/create`, P256)),
    engineCreate: await startEngine(token),
    sign: await startLoad(client, 1, client.post(`${pathname}/sign`, item)),
    batch: await startLoad(client, 1, batch),
  };
}

async function startLoad({ target }: ServerClient, connections: number, request: string): Promise<ContenderProcess> {
  const load = startProgram('load', 'https_load', {});
  await load.ask({ command: 'open', ...target, connections, request });
  return load;
}

async function startEngine(token: ScratchToken): Promise<ContenderProcess> {
  const directory = join(token.directory, 'engine');
  await mkdir(directory, { recursive: true });
  const engine = startProgram('engine', 'engine_creation', token.environment);
  const { module, serial: tokenSerial, pin } = token;
  const pool = { module, tokenSerial, pin, directory, visibility: 'private', hosts: 2, isolation: 'process' };
  await engine.ask({ command: 'open', ...pool });
  return engine;
}

async function measureRates(
  processes: PerWork<ContenderProcess>,
  server: ContenderProcess,
  rounds: number,
): Promise<{ rates: PerWork<number[]>; disturbedRounds: number }> {
  const ask = (name: WorkName, measureMs: number = WORK[name].measure.measureMs): Promise<Slice> =>
    processes[name].ask<Slice>({ command: 'measure', ...WORK[name].measure, measureMs });
  for (const name of NAMES) await ask(name, FIRST_RUN_MS);
  await waitForQuiet();
  const watch = new OthersWatch([server, ...Object.values(processes)]);
  const { slices, disturbedRounds } = await takeRounds(NAMES, rounds, watch, (name) => ask(name));
  const perRound = NAMES.map((name, index) => [
    name,
    slices[index]!.map((both) => {
      const requests = both.reduce((sum, slice) => sum + slice.operations, 0);
      const seconds = both.reduce((sum, slice) => sum + slice.elapsedNs, 0) / 1e9;
      return Math.round((requests * WORK[name].worth) / seconds);
    }),
  ]);
  return { rates: Object.fromEntries(perRound) as PerWork<number[]>, disturbedRounds };
}

/** From the start of the process to the line that says that it is ready, in milliseconds. */
async function measureStarts(token: ScratchToken): Promise<number[]> {
  const dataDir = await makeServerStore(STORED_KEYS, token);
  const starts: number[] = [];
  await waitForQuiet();
  for (let start = 0; start < STARTS; start++) {
    const server = await startInstalledServer('package', dataDir);
    starts.push(Math.round(server.startedMs));
    await server.stop();
  }
  return starts;
}

function section(lines: readonly (readonly string[])[]): string {
  return `## Keys over the REST API\n\n${table(['', 'measured'], lines)}`;
}
