import { createDataDirectory, dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { preparePool } from '../../src/start/prepare_pool.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { fillStore } from './fill_store.ts';
import { serveCommands } from './serve_commands.ts';

export interface ServerStoreSetup {
  readonly dataDir: string;
  readonly keys: number;
}

/** Makes the data directory of a server with that many keys in its store, and lets go of it again. */
async function open({ dataDir, keys }: ServerStoreSetup): Promise<object> {
  const configuration = loadConfiguration({ environment: {}, flags: { dataDir } });
  const files = dataDirectory(dataDir);
  await createDataDirectory(files);
  const pool = await HsmPool.open((await preparePool(configuration, files, true)).options);
  const store = await SqliteStore.open(files.store);
  const engine = await KeyEngine.open({ pool, store });
  await fillStore({ pool, store, engine }, keys);
  await engine.close();
  await pool.close();
  await store.close();
  return {};
}

type ServerStoreCommand = ({ readonly command: 'open' } & ServerStoreSetup) | { readonly command: 'close' };

await serveCommands(async (command: ServerStoreCommand) => (command.command === 'open' ? await open(command) : {}));
