import type { ContenderProcess } from './contender_process.ts';
import { HttpsConnection } from './contenders/https_client.ts';
import type { Figure } from './judge.ts';
import { OthersWatch } from './others_watch.ts';
import type { ServerClient } from './server_client.ts';
import { spread } from './statistics.ts';

/** One page is too short for the clock to tell much. */
const PAGES_COMPARED = 10;
const OK = 200;

export interface ListMeasure {
  /** The last pages ÷ the first ones, per round. */
  readonly figure: Figure;
  readonly wholeMs: readonly number[];
}

/** Goes through all keys page by page over one connection, as often as there are rounds. */
export async function measureList(
  client: ServerClient,
  server: ContenderProcess,
  rounds: number,
): Promise<ListMeasure> {
  const connection = await HttpsConnection.open(client.target);
  const watch = new OthersWatch([server]);
  const ratios: number[] = [];
  const wholeMs: number[] = [];
  let disturbedRounds = 0;
  await timePages(client, connection);
  for (let round = 0; round < rounds; round++) {
    watch.share();
    const pages = await timePages(client, connection);
    if (watch.disturbed()) disturbedRounds++;
    ratios.push(sum(pages.slice(-PAGES_COMPARED)) / sum(pages.slice(0, PAGES_COMPARED)));
    wholeMs.push(sum(pages));
  }
  connection.close();
  return { figure: { ...spread(ratios), disturbedRounds }, wholeMs };
}

/** Milliseconds of each full page: the last one of all may have less to show. */
async function timePages(client: ServerClient, connection: HttpsConnection): Promise<number[]> {
  const times: number[] = [];
  let request = client.get('/keys');
  for (;;) {
    const before = performance.now();
    const { status, body } = await connection.request(Buffer.from(request));
    const ms = performance.now() - before;
    if (status !== OK) throw new Error(`The server answered ${status}: ${body}`);
    const { nextLink } = JSON.parse(body.toString()) as { nextLink: string | null };
    if (nextLink === null) return times;
    times.push(ms);
    const { pathname, search } = new URL(nextLink);
    request = client.get(`${pathname}${search}`);
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
