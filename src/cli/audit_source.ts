import { logInDirectory } from '../audit/log_files.ts';
import type { LogSource } from '../audit/log_source.ts';
import { logInTable } from '../audit/log_table.ts';
import { ConfigurationError } from '../config/configuration_error.ts';
import { dataDirectory } from '../config/data_directory.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

export interface AuditSourceOptions extends SettingOptions {
  /** Of several in one table. */
  readonly chain?: string;
}

/**
 * Reads the log in a directory, or unless one is named that of the settings: in their data directory, or in their database.
 * @throws ConfigurationError when there is none to be read
 */
export async function withAuditSource(
  options: AuditSourceOptions,
  directory: string | undefined,
  use: (source: LogSource) => Promise<number>,
): Promise<number> {
  if (directory !== undefined) return readable(directory, use(logInDirectory(directory)));
  const configuration = readSettings(options);
  const { audit } = dataDirectory(configuration.dataDir);
  if (configuration.audit.ledger === 'file') return readable(audit, use(logInDirectory(audit)));
  const { openAuditTable } = await import('../main.ts');
  const table = await openAuditTable(configuration);
  if (table === undefined) throw new TypeError('A log that is not in files is in a table.');
  try {
    return await use(logInTable(table, chosen(options.chain, await table.listChains())));
  } finally {
    await table.close();
  }
}

function chosen(named: string | undefined, chains: readonly string[]): string {
  const [only, ...others] = chains;
  const chain = named ?? (others.length === 0 ? only : undefined);
  if (chain !== undefined && chains.includes(chain)) return chain;
  const message = `Expected one of the logs in the database: ${chains.join(', ') || 'there is none'}.`;
  throw new ConfigurationError([{ path: '--chain', message }]);
}

async function readable(directory: string, reading: Promise<number>): Promise<number> {
  return reading.catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined || error.syscall === undefined) throw error;
    throw new ConfigurationError([{ path: 'DIR', message: `${directory} cannot be read (${error.code}).` }]);
  });
}
