import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { testDirectory } from '../audit/test_log.ts';
import { childrenOf } from '../campaigns/process_watch.ts';
import { DISK_FAULTS, type DiskFault, DiskFaults } from '../disk_faults/disk_faults.ts';
import { RunningServer } from './running_server.ts';

const DIGEST = createHash('sha256').update('disk').digest('base64url');

/** Kills all hosts while the disk is as it is told, and waits until it has refused a write of that file to those that come after them. */
async function loseHosts(t: ExecutionContext, fault: DiskFault, refused: RegExp): Promise<void> {
  await access(DISK_FAULTS);
  const faults = new DiskFaults(testDirectory(t));
  const server = await RunningServer.start(faults.environment, (directory) => faults.watch(directory));
  t.teardown(async () => {
    faults.heal();
    await server.remove();
    faults.close();
  });
  t.is((await server.post('/keys/k/create', { kty: 'EC-HSM', crv: 'P-256' })).status, 200);
  faults.begin(fault);
  for (const host of childrenOf(server.pid)) process.kill(host, 'SIGKILL');
  while (!faults.calls().some(({ path, outcome }) => refused.test(path) && outcome === 'failed')) await delay(20);
  faults.heal();
  let status = 503;
  while (status === 503) {
    await delay(20);
    ({ status } = await server.post('/keys/k/sign', { alg: 'ES256', value: DIGEST }));
  }
  t.is(status, 200);
}

/* SoftHSM empties the file of a token at each login before it fills it again: where the disk does not take it, the token is none any more. */

const FULL: DiskFault = { nth: 1, error: 'ENOSPC', extent: 'lasting', short: false };

test.serial('on a full disk no host logs in to the token, and all is well again with the disk', (t) =>
  loseHosts(t, FULL, /copies\/.*token\.object/),
);

test.serial('hosts that logged in while the disk failed do not cost a server its token', (t) =>
  loseHosts(t, { ...FULL, ending: '/token.object' }, /tokens\/.*token\.object$/),
);
