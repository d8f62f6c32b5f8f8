import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { HttpsConnection } from '../../bench/contenders/https_client.ts';
import { RunningServer } from '../api/running_server.ts';
import { childrenOf } from '../fixtures/child_processes.ts';
import { SeededRandom } from '../fixtures/seeded_random.ts';
import { type CampaignRun, campaign } from './campaign.ts';
import { residentMegabytes } from './process_watch.ts';
import { type Credentials, makeBytes, makeRequest } from './request_grammar.ts';

const WORKERS = 8;
const WITHOUT_TLS = 0.1;
/** What is measured begins when caches are full. */
const WARM_UP = 0.2;
const MOST_GROWTH_MB = 50;
/** An access token lives for an hour. */
const TOKEN_MS = 30 * 60_000;
const LONGEST_CONNECTION_MS = 60_000;
/** But for that the log was not written in its time, which is answered with 503, and comes about on a busy machine. */
const SERVER_ERROR = /"level":(?:50|60)(?!.*AuditUnavailable)/;

type Attack = (
  server: RunningServer,
  random: SeededRandom,
  credentials: Credentials,
  run: CampaignRun,
) => Promise<void>;

async function fuzz(t: ExecutionContext, run: CampaignRun, newAttack: () => Attack): Promise<void> {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  const { pid } = server;
  let credentials = { host: server.target.servername, accessToken: await server.accessToken() };
  let fetched = performance.now();
  let next = 0;
  const memory = (): number => residentMegabytes([pid, ...childrenOf(pid)]);
  let warm = Number.NaN;
  const work = async (): Promise<void> => {
    const attack = newAttack();
    while (next < run.count && run.failures.length === 0) {
      const random = new SeededRandom(run.seed + next++);
      if (performance.now() - fetched > TOKEN_MS) {
        fetched = performance.now();
        credentials = { ...credentials, accessToken: await server.freshAccessToken() };
      }
      await attack(server, random, credentials, run);
      run.done += 1;
      if (run.done === Math.ceil(run.count * WARM_UP)) warm = memory();
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  const end = memory();
  run.measure('memory after the warm-up, MB', warm);
  run.measure('memory at the end, MB', end);
  if (run.isFull && end - warm > MOST_GROWTH_MB) run.fail(`Its memory went from ${warm} to ${end} MB`);
  const [error] = server.output.split('\n').filter((line) => SERVER_ERROR.test(line));
  if (error !== undefined) run.fail(`The server says: ${error}`);
  t.is((await server.post('/rng', { count: 1 })).status, 200, 'it still serves');
}

/** A request on a connection that stays open; where the server closes it, that is its answer. */
function requests(): Attack {
  let connection: HttpsConnection | undefined;
  return async (server, random, credentials, run) => {
    const request = makeRequest(random, credentials);
    if (connection === undefined || connection.isClosed) connection = await HttpsConnection.open(server.target);
    const answer = await connection.request(request).catch(() => undefined);
    if (answer === undefined) return;
    const isError = answer.status >= 400 && answer.status !== 401;
    const isEnveloped = !isError || /^\{"error":\{"code":"\w+"/.test(answer.body.toString());
    if (answer.status === 500 || !isEnveloped)
      run.fail(`${answer.status} ${answer.body}: ${request.toString('latin1')}`);
  };
}

/** Bytes on a connection of their own, which says at once that there will be no more. */
function bytes(): Attack {
  return async ({ target }, random, credentials, run) => {
    const { authority, ...where } = target;
    const sent = makeBytes(random, credentials);
    const socket = random.chance(WITHOUT_TLS) ? connectPlain(where) : connect({ ...where, ca: authority });
    socket.setTimeout(LONGEST_CONNECTION_MS, () => socket.destroy(new Error('The server left it open')));
    let received = '';
    let failure: Error | undefined;
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === undefined) failure = error;
    });
    socket.end(sent);
    await once(socket, 'close').catch(() => undefined);
    if (/HTTP\/1\.1 500/.test(received) || failure !== undefined)
      run.fail(`${failure ?? received}: ${sent.toString('base64')}`);
  };
}

campaign('fuzzed_requests', (t, run) => fuzz(t, run, requests));
campaign('fuzzed_bytes', (t, run) => fuzz(t, run, bytes));
