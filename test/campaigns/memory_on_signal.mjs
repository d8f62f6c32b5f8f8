import { Session } from 'node:inspector';
import process, { stdout } from 'node:process';

/*
 * For `node --expose-gc --import`: whenever it is sent SIGUSR2 the program collects the garbage of all its threads, and says how many bytes of V8's
 * heaps they use then. Threads know nothing of it: they are asked as a debugger asks them.
 */
const COLLECT = 1;
const MEASURE = 2;

const session = new Session();
const threads = new Set();
let awaited = 0;
let sum = 0;

function add(bytes) {
  sum += bytes;
  awaited -= 1;
  if (awaited === 0) stdout.write(`uses ${sum} bytes in ${threads.size + 1} heaps\n`);
}

function tell(sessionId, id, method) {
  session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) });
}

session.connect();
session.on('NodeWorker.attachedToWorker', ({ params }) => threads.add(params.sessionId));
session.on('NodeWorker.detachedFromWorker', ({ params }) => threads.delete(params.sessionId));
session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
  const { id, result } = JSON.parse(params.message);
  if (id === COLLECT) tell(params.sessionId, MEASURE, 'Runtime.getHeapUsage');
  if (id === MEASURE) add(result.usedSize);
});
session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });

process.on('SIGUSR2', () => {
  awaited = threads.size + 1;
  sum = 0;
  for (const thread of threads) tell(thread, COLLECT, 'HeapProfiler.collectGarbage');
  globalThis.gc();
  add(process.memoryUsage().heapUsed);
});
