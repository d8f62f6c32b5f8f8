import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { keyObjects } from '../campaigns/kill_campaign.ts';
import type { DiskFault } from '../disk_faults/disk_faults.ts';
import { childrenOf, signalAll } from '../fixtures/child_processes.ts';
import { serverOnFailingDisk } from './server_on_failing_disk.ts';

const DIGEST = createHash('sha256').update('disk').digest('base64url');
const NEVER = 2 ** 31;
/** More than there are instances. */
const USES = 6;
const TRIES = 6;

/** Kills all hosts while the disk is as it is told, and waits until it has refused a write of that file to those that come after them. */
async function loseHosts(t: ExecutionContext, fault: DiskFault, refused: RegExp): Promise<void> {
  const { faults, server } = await serverOnFailingDisk(t);
  t.is((await server.post('/keys/k/create', { kty: 'EC-HSM', crv: 'P-256' })).status, 200);
  faults.begin(fault);
  signalAll(childrenOf(server.pid), 'SIGKILL');
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

/* Nor does it look whether the file of an object was written: what is half there is a whole key for the instance that made it, until its end. */

test.serial('a key whose object is half on the disk is refused, and nothing of it is left', async (t) => {
  const { faults, server } = await serverOnFailingDisk(t, { STRONGROOM_ENGINE_CUSTODY: 'resident' });
  const order = { kty: 'oct-HSM', key_size: 256, key_ops: ['sign', 'verify'] };
  const fault: DiskFault = { nth: NEVER, error: 'ENOSPC', extent: 'briefly', short: true, ending: '.object' };
  /** Which of all calls is the last write. */
  const lastWrite = async (name: string): Promise<number> => {
    faults.begin(fault);
    t.is((await server.post(`/keys/${name}/create`, order)).status, 200);
    return faults.calls().findLast(({ kind }) => kind === 'fill')?.nth ?? 0;
  };
  const works = async (name: string): Promise<void> => {
    for (let use = 0; use < USES; use++) {
      t.is((await server.post(`/keys/${name}/sign`, { alg: 'HS256', value: DIGEST })).status, 200);
    }
  };
  // While hosts log in there are other calls, and the one that is chosen may be another's, no write, or not come: what is acknowledged then has to work.
  let cutShort = false;
  let name = 'first';
  let refused = await server.post(`/keys/${name}/create`, order);
  for (let made = 0; !(cutShort && refused.status === 503) && made < TRIES; made++) {
    if (refused.status === 200) await works(name);
    const nth = await lastWrite(`before-${made}`);
    name = `key-${made}`;
    faults.begin({ ...fault, nth });
    refused = await server.post(`/keys/${name}/create`, order);
    cutShort = faults.calls().some(({ outcome }) => outcome === 'short');
    faults.heal();
  }
  t.true(cutShort);
  t.is(refused.status, 503, JSON.stringify(refused.json));
  t.is(refused.json.error?.code, 'ServiceUnavailable');
  t.is((await server.get(`/keys/${name}`)).status, 404);

  const { status, json } = await server.post(`/keys/${name}/create`, order);
  t.is(status, 200);
  await works(name);
  await server.stop();
  const version = String((json.key as { readonly kid: string }).kid)
    .split('/')
    .at(-1);
  t.deepEqual(new Set(await keyObjects(server.dataDir, name)), new Set([`${name}/${version}`]));
});
