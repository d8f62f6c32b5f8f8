import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import test from 'ava';
import { DomainSource, isTaken, uploadEnd, WAITS } from './domain_source.ts';
import { interruptRecoveries, type Moment } from './interrupted_recovery.ts';
import { RunningServer } from './running_server.ts';
import { objectsOfToken, POOL_KEY_OBJECTS } from './token_objects.ts';

const SETTINGS = { ...WAITS, STRONGROOM_HSM_OWN_TOKENS: '2', STRONGROOM_HSM_HOSTS: '1' };
const source = await DomainSource.make();

async function states(server: RunningServer): Promise<string[]> {
  const { json } = await server.get('/tokens');
  return (json.tokens as readonly { state: string }[]).map(({ state }) => state);
}

test.serial('a recovery is refused while a token is away, with its name, and nothing is changed', async (t) => {
  const server = await RunningServer.start(SETTINGS);
  t.teardown(() => server.remove());
  const blob = await source.blobFor(server);
  await server.stop();
  const directory = join(server.dataDir, 'token_2', 'tokens');
  renameSync(directory, `${directory}.away`);
  await server.restart();
  for (const refused of [
    await server.get('/securitydomain/upload'),
    await server.post('/securitydomain/upload', { value: blob }),
  ]) {
    t.is(refused.status, 409);
    t.is(refused.json.error?.innererror?.code, 'TokenAway');
    t.regex(refused.json.error?.message ?? '', /not in use: strongroom-2\./);
  }
  t.is(objectsOfToken(server.dataDir), POOL_KEY_OBJECTS);
  t.false(existsSync(join(server.dataDir, 'recovery.json')));
});

const MOMENTS: readonly Moment[] = [
  (dataDir) => objectsOfToken(dataDir, 1) > POOL_KEY_OBJECTS,
  (dataDir) => objectsOfToken(dataDir, 2) > POOL_KEY_OBJECTS,
  isTaken,
];

test.serial('wherever a recovery of two tokens is interrupted, both have the one pool or the other', async (t) => {
  const server = await RunningServer.start(SETTINGS);
  t.teardown(() => server.remove());
  await interruptRecoveries(t, server, source, MOMENTS, async () => {
    for (const place of [1, 2]) t.is(objectsOfToken(server.dataDir, place), POOL_KEY_OBJECTS, `token ${place}`);
    t.deepEqual(await states(server), ['healthy', 'healthy'], 'they have the same pool keys');
  });
});

test.serial(
  'a token that is away when a recovery has to be ended is refused, and ended with a later start',
  async (t) => {
    const server = await RunningServer.start(SETTINGS);
    t.teardown(() => server.remove());
    t.is((await server.post('/securitydomain/upload', { value: await source.blobFor(server) })).status, 202);
    while (!isTaken(server.dataDir)) await pause(1);
    await server.stop('SIGKILL');
    const directory = join(server.dataDir, 'token_2', 'tokens');
    renameSync(directory, `${directory}.away`);
    await server.restart();
    t.true(await source.isDomainOf(server), 'the other one has come to the end of it');
    t.true(existsSync(join(server.dataDir, 'recovery.json')));
    t.regex(server.output, /a recovery could not be ended in this token/);
    await server.stop();
    renameSync(`${directory}.away`, directory);
    await server.restart();
    t.deepEqual(await states(server), ['healthy', 'healthy']);
    t.false(existsSync(join(server.dataDir, 'recovery.json')));
    for (const place of [1, 2]) t.is(objectsOfToken(server.dataDir, place), POOL_KEY_OBJECTS, `token ${place}`);
  },
);

test.serial('an upload brings the keys into both tokens of a server that goes on', async (t) => {
  const server = await RunningServer.start(SETTINGS);
  t.teardown(() => server.remove());
  t.is((await server.post('/securitydomain/upload', { value: await source.blobFor(server) })).status, 202);
  t.is(await uploadEnd(server), 'Success');
  t.deepEqual(await states(server), ['healthy', 'healthy']);
  t.true(await source.isDomainOf(server));
  for (const name of ['strongroom', 'strongroom-2']) {
    const other = name === 'strongroom' ? 'strongroom-2' : 'strongroom';
    t.is((await server.post(`/tokens/${other}/drain`, {})).status, 200);
    t.true((await server.get('/keys/invoices')).status === 200 && (await canSign(server)), `${name} alone`);
    t.is((await server.post(`/tokens/${other}/resume`, {})).status, 200);
  }
});

async function canSign(server: RunningServer): Promise<boolean> {
  const value = Buffer.alloc(32, 5).toString('base64url');
  return (await server.post('/keys/invoices/sign', { alg: 'ES256', value })).status === 200;
}
