import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { type DomainSource, isTaken } from './domain_source.ts';
import type { RunningServer } from './running_server.ts';

/** What is waited for before the server is killed; that the store has taken the recovery ends every wait. */
export type Moment = (dataDir: string) => boolean;

/**
 * Has the server, which waits for its domain, killed in the middle of a recovery at one moment after the other, until one comes about: each
 * start has the one pool or the other, as the store says. `look` is what has to be true of the tokens after each start.
 */
export async function interruptRecoveries(
  t: ExecutionContext,
  server: RunningServer,
  source: DomainSource,
  moments: readonly Moment[],
  look: () => Promise<void> | void,
): Promise<void> {
  let isRecovered = false;
  for (const [which, hasCome] of moments.entries()) {
    if (isRecovered) break;
    const blob = await source.blobFor(server);
    t.is((await server.post('/securitydomain/upload', { value: blob })).status, 202);
    while (!hasCome(server.dataDir) && !isTaken(server.dataDir)) await pause(1);
    await server.stop('SIGKILL');
    const wasTaken = isTaken(server.dataDir);
    t.log(`moment ${which}: ${wasTaken ? 'the store has taken it' : 'the store has not taken it'}`);
    await server.restart();
    t.false(existsSync(join(server.dataDir, 'recovery.json')));
    await look();
    const { json } = await server.get('/keys');
    isRecovered = json.error === undefined;
    t.is(isRecovered, wasTaken, JSON.stringify(json));
    if (!isRecovered) t.is(json.error?.innererror?.code, 'HsmNotActivated');
  }
  t.true(isRecovered);
  t.true(await source.isDomainOf(server));
}
