import { access } from 'node:fs/promises';
import type { ExecutionContext } from 'ava';
import { testDirectory } from '../audit/test_log.ts';
import { DISK_FAULTS, DiskFaults } from '../disk_faults/disk_faults.ts';
import { RunningServer } from './running_server.ts';

export interface ServerOnFailingDisk {
  readonly faults: DiskFaults;
  readonly server: RunningServer;
}

/** A server whose disk does what `faults` has it do, until the test ends. */
export async function serverOnFailingDisk(
  t: ExecutionContext,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerOnFailingDisk> {
  await access(DISK_FAULTS);
  const faults = new DiskFaults(testDirectory(t));
  const server = await RunningServer.start({ ...faults.environment, ...settings }, (directory) =>
    faults.watch(directory),
  );
  t.teardown(async () => {
    faults.heal();
    await server.remove();
    faults.close();
  });
  return { faults, server };
}
