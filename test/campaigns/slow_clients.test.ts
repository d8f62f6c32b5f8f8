import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { quantile } from '../../bench/statistics.ts';
import { LIMITS } from '../../src/model/limits.ts';
import { DATA_ACTIONS } from '../../src/model/role.ts';
import { RunningServer } from '../api/running_server.ts';
import { campaign } from './campaign.ts';
import { openDescriptors } from './process_watch.ts';
import { SteadyCaller } from './steady_caller.ts';

/** As many of each kind in a wave. The readers have large answers waiting, so that there are fewer of them. */
const WAVE = ['headers', 'headers', 'headers', 'headers', 'body', 'body', 'body', 'body', 'reader'] as const;
const TIMES_AT_ONCE = 10;
const HANDSHAKES_AT_ONCE = 25;
const PACE_MS = 1_000;
/** In full; a busy machine may take longer to come to it. */
const CUT_OFF_SECONDS = 20;
const PATIENCE_SECONDS = 120;
const ASKED_PER_SECOND = 50;
/** Without slow ones, before each wave: what else the machine does changes from minute to minute. */
const ALONE_SECONDS = 2;
const MOST_TIMES_SLOWER = 2;
/**
 * Half a megabyte each: all of them do not find room in the buffers of both sides. They are asked for one after the other: what it takes to
 * make hundreds of them at once is what a flood costs, and not what it costs that somebody reads slowly.
 */
const ANSWERS = 20;
const ANSWERS_PACE_MS = 200;
const DEFINITIONS = '/providers/Microsoft.Authorization/roleDefinitions';

type Kind = (typeof WAVE)[number];

campaign('slow_clients', async (t, run) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  // What is open beside the slow ones is to stay the same.
  const caller = await SteadyCaller.open(server, 1);
  t.teardown(() => caller.close());
  await defineRoles(server);
  await caller.keepAsking(ASKED_PER_SECOND, ALONE_SECONDS);
  caller.takeLatenciesMs();
  const alone: number[] = [];
  const among: number[] = [];
  const descriptors = openDescriptors(server.pid);
  const inWave = Math.min(run.count, WAVE.length * TIMES_AT_ONCE);
  let [worst, latest] = [0, 0];
  while (run.done < run.count) {
    await caller.keepAsking(ASKED_PER_SECOND, ALONE_SECONDS);
    alone.push(...caller.takeLatenciesMs());
    const clients = await openAll(
      server,
      Array.from({ length: inWave }, (_, place) => WAVE[place % WAVE.length] as Kind),
    );
    const open = openDescriptors(server.pid) - descriptors;
    if (open < inWave * 0.9) throw new Error(`Only ${open} of ${inWave} slow clients are there`);
    const began = performance.now();
    const headers = `authorization: Bearer ${await server.accessToken()}\r\nhost: ${server.target.servername}\r\n`;
    for (const { socket, kind } of clients) beSlow(socket, kind, headers);
    const asking = caller.keepAsking(ASKED_PER_SECOND, CUT_OFF_SECONDS);
    let seconds = 0;
    while (openDescriptors(server.pid) > descriptors && seconds < PATIENCE_SECONDS) {
      await delay(200);
      seconds = (performance.now() - began) / 1000;
    }
    await asking;
    const left = openDescriptors(server.pid) - descriptors;
    if (left > 0) throw new Error(`${left} of ${inWave} slow clients are still there after ${seconds.toFixed(1)} s`);
    if (run.isFull && seconds > CUT_OFF_SECONDS)
      run.fail(`The last slow client was cut off after ${seconds.toFixed(1)} s`);
    latest = Math.max(latest, seconds);
    const latencies = caller.takeLatenciesMs();
    worst = Math.max(worst, quantile(latencies, 0.99));
    among.push(...latencies);
    for (const { socket } of clients) socket.destroy();
    run.done += inWave;
  }
  const [p99Alone, p99Among] = [quantile(alone, 0.99), quantile(among, 0.99)];
  run.measure('p99 of a good client alone, ms', p99Alone);
  run.measure('among slow ones, ms', p99Among);
  run.measure('in the worst wave, ms', worst);
  run.measure('the last one is cut off after, s', latest);
  run.measure('answers 503', caller.timesUnavailable);
  if (run.isFull && !(p99Among <= p99Alone * MOST_TIMES_SLOWER))
    run.fail(`p99 went from ${p99Alone} to ${p99Among} ms`);
  if (run.isFull && caller.timesUnavailable > 0) run.fail('Not every request was served the first time');
});

/** As many as there may be, and as long. */
async function defineRoles(server: RunningServer): Promise<void> {
  const permission = { actions: [], notActions: [], dataActions: DATA_ACTIONS.slice(0, 10), notDataActions: [] };
  const permissions = Array.from({ length: LIMITS.permissionsPerRole }, () => permission);
  for (let role = 0; role < LIMITS.roleDefinitions; role++) {
    const description = 'x'.repeat(LIMITS.roleDescriptionCharacters);
    const body = {
      properties: { roleName: `role ${role}`, description, type: 'CustomRole', permissions, assignableScopes: ['/'] },
    };
    const { status } = await server.send('PUT', `${DEFINITIONS}/${randomUUID()}`, JSON.stringify(body));
    if (status !== 201) throw new Error(`A role was answered with ${status}.`);
  }
}

async function openAll(server: RunningServer, kinds: Kind[]): Promise<{ socket: TLSSocket; kind: Kind }[]> {
  const { authority, ...target } = server.target;
  const clients: { socket: TLSSocket; kind: Kind }[] = [];
  const waiting = [...kinds];
  const open = async (): Promise<void> => {
    for (let kind = waiting.pop(); kind !== undefined; kind = waiting.pop()) {
      const socket = connect({ ...target, ca: authority });
      socket.on('error', () => undefined);
      await once(socket, 'secureConnect');
      clients.push({ socket, kind });
    }
  };
  await Promise.all(Array.from({ length: HANDSHAKES_AT_ONCE }, open));
  return clients;
}

/** Does what it does until the server has enough of it. */
function beSlow(socket: TLSSocket, kind: Kind, headers: string): void {
  if (kind === 'reader') {
    socket.pause();
    let asked = 0;
    const ask = setInterval(() => {
      socket.write(`GET ${DEFINITIONS}?api-version=7.6 HTTP/1.1\r\n${headers}\r\n`);
      if (++asked === ANSWERS) clearInterval(ask);
    }, ANSWERS_PACE_MS);
    socket.on('close', () => clearInterval(ask));
    return;
  }
  socket.resume();
  const start = `POST /rng?api-version=7.6 HTTP/1.1\r\n${headers}content-type: application/json\r\n`;
  socket.write(kind === 'headers' ? start : `${start}content-length: 4096\r\n\r\n`);
  const drip = setInterval(() => socket.write(kind === 'headers' ? 'x: y\r\n' : ' '), PACE_MS);
  socket.on('close', () => clearInterval(drip));
}
