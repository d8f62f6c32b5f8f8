import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { childProcesses } from './contenders/cpu_time.ts';
import { HttpsConnection } from './contenders/https_client.ts';
import type { ManyKeysCommand } from './contenders/many_keys.ts';
import { fillerName } from './filler_name.ts';
import { buildPackage, type Installation, startInstalledServer } from './installed_server.ts';
import type { Figure } from './judge.ts';
import { startStore } from './many_keys.ts';
import { count, significant, table, withRange } from './report.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import type { ServerClient } from './server_client.ts';
import { makeServerStore } from './server_store.ts';
import { median, type Spread, spread } from './statistics.ts';

const FEW = 100;
const MANY = 100_000;
const HOST_KEYS = 1_000;
const REQUESTS = 6_000;
const CONNECTIONS = 8;
const TRIES = 5;
/** Less than V8 waits before it collects what an idle program has left … */
const PAUSE_MS = 3_000;
/** … and more than it takes for that. */
const SETTLE_MS = 15_000;
const SAMPLES = 5;
/** An idle server is measured over as many starts: from one to the next it strays by several MB. */
const STARTS = 5;
const SAMPLE_MS = 500;
const KIB_PER_MB = 1_000_000 / 1024;

interface MemoryRow {
  readonly title: string;
  readonly megabytes: number;
  /** Where it is the median of several starts. */
  readonly spread?: Spread;
}

/** Resident memory of the server's own process and of a host, in MB (10^6 bytes). */
export async function measureMemory(_selection: Selection, token: ScratchToken): Promise<PartOutcome> {
  await buildPackage();
  const few = await makeServerStore(FEW, token);
  const many = await makeServerStore(MANY, token);
  const idle = spread(await idleMegabytes('package', few));
  const fewMegabytes = await serverMemory('package', few, FEW);
  const manyMegabytes = await serverMemory('package', many, MANY);
  const sources = await serverMemory('sources', few, FEW);
  const host = await hostMemory(token);
  const requests = count(REQUESTS);
  const rows: MemoryRow[] = [
    { title: `server, idle after its start (${STARTS} starts)`, megabytes: idle.median, spread: idle },
    { title: 'the same, started from a clone (types are stripped at start)', megabytes: sources.idle },
    {
      title: `server with ${count(FEW)} keys stored, at the end of ${requests} requests over all of them`,
      megabytes: fewMegabytes.atWork,
    },
    { title: 'the same, quarter of a minute later', megabytes: fewMegabytes.used },
    { title: `server with ${count(MANY)} keys stored, idle after its start`, megabytes: manyMegabytes.idle },
    {
      title: `server with ${count(MANY)} keys stored, at the end of ${requests} requests over as many keys`,
      megabytes: manyMegabytes.atWork,
    },
    { title: 'the same, quarter of a minute later', megabytes: manyMegabytes.used },
    { title: `a host with ${count(HOST_KEYS)} keys in its cache`, megabytes: host },
  ];
  const figures = {
    'memory/server-idle': { ...idle, disturbedRounds: 0 },
    'memory/many-keys': once(manyMegabytes.used / fewMegabytes.used),
    'memory/host-1000-keys': once(host),
  };
  const lines = rows.map(({ title, megabytes, spread: starts }) => [
    title,
    starts === undefined ? `${significant(megabytes)} MB` : `${withRange(starts)} MB`,
  ]);
  return { sets: [], rows, figures, section: `## Memory\n\n${table(['', 'resident'], lines)}` };
}

const once = (value: number): Figure => ({ ...spread([value]), disturbedRounds: 0 });

/** Resident after each of several starts. */
async function idleMegabytes(installation: Installation, dataDir: string): Promise<number[]> {
  const starts: number[] = [];
  while (starts.length < STARTS) {
    const server = await startInstalledServer(installation, dataDir);
    try {
      starts.push(await residentMegabytes(server.pid, PAUSE_MS));
    } finally {
      await server.stop();
    }
  }
  return starts;
}

interface ServerMemory {
  readonly idle: number;
  /** With what the last requests have left behind. */
  readonly atWork: number;
  /** Once it has been collected. */
  readonly used: number;
}

async function serverMemory(installation: Installation, dataDir: string, keys: number): Promise<ServerMemory> {
  const server = await startInstalledServer(installation, dataDir);
  try {
    const idle = await residentMegabytes(server.pid, PAUSE_MS);
    await useKeys(server.client, keys);
    const atWork = await residentMegabytes(server.pid, 0);
    return { idle, atWork, used: await residentMegabytes(server.pid, SETTLE_MS) };
  } finally {
    await server.stop();
  }
}

/** Signs with one key after the other, all over the store. */
async function useKeys(client: ServerClient, keys: number): Promise<void> {
  const body = { alg: 'HS256', value: Buffer.alloc(64, 1).toString('base64url') };
  let sent = 0;
  const caller = async (): Promise<void> => {
    const connection = await HttpsConnection.open(client.target);
    while (sent < REQUESTS) {
      const key = (sent++ * 7_919) % keys;
      const request = Buffer.from(client.post(`/keys/${fillerName(key)}/sign`, body));
      let answer = await connection.request(request);
      // On a machine that others keep busy a record may be too late for the server to answer: clients come again then.
      for (let again = 0; answer.status === 503 && again < TRIES; again++) answer = await connection.request(request);
      if (answer.status !== 200) throw new Error(`The server answered ${answer.status}: ${answer.body}`);
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, caller));
}

async function hostMemory(token: ScratchToken): Promise<number> {
  const engine = await startStore(HOST_KEYS, token);
  try {
    await engine.ask<object, ManyKeysCommand>({ command: 'useAll', count: HOST_KEYS });
    const [host] = childProcesses(engine.pid);
    if (host === undefined) throw new Error('The engine has no host process');
    return await residentMegabytes(host, PAUSE_MS);
  } finally {
    await engine.close();
  }
}

/** After a pause; the median of a few samples. */
async function residentMegabytes(pid: number, pauseMs: number): Promise<number> {
  await delay(pauseMs);
  const samples: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    samples.push(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / KIB_PER_MB);
    await delay(SAMPLE_MS);
  }
  return Math.round(median(samples) * 10) / 10;
}
