import { AuditLog } from '../../src/audit/audit_log.ts';
import { dataDirectory } from '../../src/config/data_directory.ts';
import { hostNames } from '../../src/config/host_names.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { type RunningServer, start } from '../../src/main.ts';
import type { Listeners } from '../../src/server/listeners.ts';
import { openLocalTls } from '../../src/start/open_tls.ts';
import type { Audit } from '../audit.ts';
import { listenForNothing } from './null_app.ts';
import { serveCommands } from './serve_commands.ts';

export interface ServerSetup {
  readonly dataDir: string;
  readonly port: number;
  /** As an operator has it unless named. */
  readonly audit?: Audit;
}

/** Where the null handler listens. */
export interface ServerReply {
  readonly nullPort: number;
}

const MOST_KEYS = '1000000';

type ServerCommand = ({ readonly command: 'open' } & ServerSetup) | { readonly command: 'close' };

let server: RunningServer | undefined;
let nothing: Listeners | undefined;

/** The whole server in a process of its own, as `strongroom start` runs it. */
async function open({ dataDir, port, audit = 'written' }: ServerSetup): Promise<ServerReply> {
  const durability = audit === 'none' ? 'written' : audit;
  const flags = {
    dataDir,
    listen: `127.0.0.1:${port}`,
    'log.level': 'warn',
    'audit.durability': durability,
    'keys.perPool': MOST_KEYS,
  };
  const configuration = loadConfiguration({ environment: {}, flags });
  server = await start(configuration);
  if (audit === 'none') forgetRecords();
  const { identity } = await openLocalTls(dataDirectory(dataDir).tls, hostNames(configuration).all, new Date());
  nothing = await listenForNothing(identity);
  return { nullPort: nothing.addresses[0]!.port };
}

/** A log that takes everything and keeps nothing: there is no such setting, for good reason. */
function forgetRecords(): void {
  AuditLog.prototype.record = () => Promise.resolve();
}

async function close(): Promise<Record<string, never>> {
  await nothing?.close(0);
  await server?.close();
  return {};
}

await serveCommands((command: ServerCommand) => (command.command === 'open' ? open(command) : close()));
