import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../test/fixtures/free_port.ts';
import { ServerClient } from './server_client.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ENTRIES = { package: 'dist/cli/strongroom.js', sources: 'src/cli/strongroom.ts' } as const;
const READY = /^Strongroom is ready/;

/** How a server was installed: from the package as JavaScript, or from a clone, where Node.js strips the types while it loads. */
export type Installation = keyof typeof ENTRIES;

export interface InstalledServer {
  readonly pid: number;
  /** From the start of the process until it was ready. */
  readonly startedMs: number;
  readonly client: ServerClient;
  stop(): Promise<void>;
}

/** Emits `dist/`, what the package ships. */
export async function buildPackage(): Promise<void> {
  await promisify(execFile)(process.execPath, ['scripts/build.ts'], { cwd: ROOT });
}

/** `strongroom start`, by itself and until it is ready. */
export async function startInstalledServer(installation: Installation, dataDir: string): Promise<InstalledServer> {
  const port = await freePort();
  const args = [ENTRIES[installation], 'start', '--data-dir', dataDir, '--listen', `127.0.0.1:${port}`];
  const before = performance.now();
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const ready = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => READY.test(line) && ready.resolve());
  child.once('exit', (code) => ready.reject(new Error(`The server went away with code ${code} before it was ready`)));
  await ready.promise;
  const startedMs = performance.now() - before;
  return {
    pid: child.pid!,
    startedMs,
    client: await ServerClient.open(dataDir, port),
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
