import { once } from 'node:events';
import { ConfigurationError } from '../config/configuration_error.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';
import { returnMemory } from './return_memory.ts';

/** Serves until it is told to stop. */
export async function start(options: SettingOptions): Promise<number> {
  refuseDebugger();
  const configuration = readSettings(options);
  const main = await import('../main.ts');
  const server = await main.start(configuration);
  returnMemory(main.requireNativeCore());
  // Since the process began, not since this line: what a person waits for.
  console.log(`Strongroom is ready at ${server.url} (${Math.round(performance.now())} ms)`);
  const lost = await Promise.race([stopSignal(), server.lost]);
  if (lost !== undefined) throw lost;
  await server.close();
  console.log('Strongroom has stopped.');
  return 0;
}

/** Resolves with the first signal. The next one ends the process at once, as signals do. */
async function stopSignal(): Promise<void> {
  const received = new AbortController();
  const { signal } = received;
  await Promise.race([once(process, 'SIGTERM', { signal }), once(process, 'SIGINT', { signal })]);
  received.abort();
}

/** A debugger reads every secret that passes through the process. */
function refuseDebugger(): void {
  const options = [process.env.NODE_OPTIONS ?? '', ...process.execArgv].join(' ');
  if (!/--inspect/.test(options)) return;
  throw new ConfigurationError([
    { path: 'NODE_OPTIONS', message: 'Expected no --inspect: a debugger can read every key that passes through.' },
  ]);
}
