import { stdout } from 'node:process';

/* For `node --expose-gc --import`: whenever it is sent SIGUSR2 the program collects its garbage, and says how many bytes of V8's heap it uses then. */
process.on('SIGUSR2', () => {
  globalThis.gc();
  stdout.write(`uses ${process.memoryUsage().heapUsed} bytes\n`);
});
