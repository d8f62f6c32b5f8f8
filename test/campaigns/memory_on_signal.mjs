import { createRequire, syncBuiltinESMExports } from 'node:module';
import process, { stdout } from 'node:process';
import workerThreads, { BroadcastChannel, isMainThread, Worker } from 'node:worker_threads';

/*
 * For `node --expose-gc --import`: whenever it is sent SIGUSR2 the program collects the garbage of all its threads, gives back what the C library
 * keeps of freed memory, and says how many bytes of V8's heaps are used then. Threads are given this file as well. (A debugger's way to ask them is
 * none: it runs code of the main thread in the middle of other code, and sockets break of that.)
 */
const channel = new BroadcastChannel('memory');
channel.unref();

function used() {
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

class AskedThread extends Worker {
  constructor(file, options = {}) {
    super(file, { ...options, execArgv: [...(options.execArgv ?? process.execArgv), '--import', import.meta.url] });
  }
}

function beMainThread() {
  const addon = createRequire(import.meta.url)('../../build/Release/strongroom.node');
  let [threads, awaited, sum] = [0, 0, 0];
  const add = (bytes) => {
    sum += bytes;
    awaited -= 1;
    if (awaited > 0) return;
    addon.returnFreedMemory();
    stdout.write(`uses ${sum} bytes in ${threads + 1} heaps\n`);
  };
  process.on('worker', (thread) => {
    threads += 1;
    thread.once('exit', () => {
      threads -= 1;
    });
  });
  channel.onmessage = ({ data }) => add(data);
  process.on('SIGUSR2', () => {
    [awaited, sum] = [threads + 1, 0];
    channel.postMessage('collect');
    add(used());
  });
  workerThreads.Worker = AskedThread;
  syncBuiltinESMExports();
}

if (isMainThread) beMainThread();
else channel.onmessage = () => channel.postMessage(used());
