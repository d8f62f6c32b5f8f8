import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startInstalledServer } from './installed_server.ts';
import type { ScratchToken } from './scratch_token.ts';
import { startProgram } from './start_contender.ts';

/** A data directory with that many keys in its store, on which a server has been before, so that its first start is not what is measured. */
export async function makeServerStore(keys: number, token: ScratchToken): Promise<string> {
  const dataDir = join(token.directory, `server-${keys}`);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const filler = startProgram('filler', 'server_store', {});
  await filler.ask({ command: 'open', dataDir, keys });
  await filler.close();
  const first = await startInstalledServer('package', dataDir);
  await first.stop();
  return dataDir;
}
