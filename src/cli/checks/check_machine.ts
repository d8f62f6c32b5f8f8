import { readFile, stat } from 'node:fs/promises';
import { dataDirectory } from '../../config/data_directory.ts';
import type { Configuration } from '../../config/settings.ts';
import { bad, doubtful, type Finding, good } from './finding.ts';

const EARLIEST = Date.parse('2026-01-01T00:00:00Z');
const LATEST = Date.parse('2100-01-01T00:00:00Z');
/** What the rings of a few hosts take, with room to spare. */
const LOCKED_BYTES = 8 * 1024 * 1024;

export async function checkMachine(configuration: Configuration): Promise<Finding[]> {
  return [await checkClock(configuration), await checkLockedMemory(), await checkDataDirectory(configuration)];
}

/** Tokens and certificates go by the clock. It must not stand before something that this machine has written. */
async function checkClock(configuration: Configuration): Promise<Finding> {
  const now = Date.now();
  const shown = new Date(now).toISOString();
  const written = await stat(dataDirectory(configuration.dataDir).environment).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (now > EARLIEST && now < LATEST && now >= written) return good('clock', `it is ${shown}`);
  return bad('clock', `it cannot be ${shown}`, 'Set the clock: timedatectl set-ntp true');
}

/** Keys pass through locked memory, which is never written to swap. Root may lock as much as it wants. */
async function checkLockedMemory(): Promise<Finding> {
  if (process.getuid?.() === 0) return good('memory', 'as much as needed can be locked');
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1];
  if (soft === 'unlimited' || Number(soft) >= LOCKED_BYTES) return good('memory', `${soft} bytes can be locked`);
  return doubtful(
    'memory',
    `only ${soft ?? 'an unknown number of'} bytes can be locked, so keys might reach swap`,
    'Raise it: ulimit -l 8192, or LimitMEMLOCK=8M in the unit.',
  );
}

async function checkDataDirectory(configuration: Configuration): Promise<Finding> {
  const { path } = dataDirectory(configuration.dataDir);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return good('files', `${path} is made by the first start`);
  const mode = found.mode & 0o777;
  if (found.uid !== process.getuid?.())
    return bad('files', `${path} belongs to another user`, 'Start as its owner, or use another: --data-dir DIR');
  if ((mode & 0o077) === 0) return good('files', `${path} is open to its owner alone`);
  return bad('files', `${path} is open to others (mode ${mode.toString(8)})`, `chmod 700 ${path}`);
}
