/**
 * A program that has lanes at work and then ends in the way that it is told to: `process` or `thread` lanes on the token
 * with this serial number, PIN on standard input. Prints the process of its host (0 for threads) once it has had an answer.
 */
import { readFileSync } from 'node:fs';
import { HOST_STATE, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { ProcessHost } from '../../src/pool/process_host.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { ThreadHost } from '../../src/pool/thread_host.ts';

const [isolation, ending, serial] = process.argv.slice(2);
const options = {
  id: 'host',
  module: '/usr/lib/softhsm/libsofthsm2.so',
  token: { serial },
  lanes: { first: 2, most: 2 },
  forceLogin: false,
  pin: readFileSync(0),
};
const host =
  isolation === 'process'
    ? new ProcessHost({ ...options, environment: {} })
    : new ThreadHost({ ...options, privateCopy: true });
const status = await host.started(10_000);
if (status.state !== HOST_STATE.ready) throw new Error(status.message);

const random = () => ringRequest(RING_OPERATION.random, { capacity: 1_000 });
await new Promise((resolve) => host.submit(random(), resolve));
process.stdout.write(`${host.pid ?? 0}\n`);

const keepBusy = () => host.submit(random(), keepBusy);
const endings = {
  /** Nothing is left to do, and nothing was stopped. */
  runOut: () => undefined,
  exit: () => process.exit(0),
  exitUnderLoad: () => {
    for (let i = 0; i < 64; i++) keepBusy();
    setTimeout(() => process.exit(0), 50);
  },
  killUnderLoad: () => {
    for (let i = 0; i < 64; i++) keepBusy();
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50);
  },
  throw: () => {
    throw new Error('a mistake of the program');
  },
};
endings[ending]();
