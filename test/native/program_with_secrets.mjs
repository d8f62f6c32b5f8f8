// Works with scrypt, which takes 16 MB each time, in all threads of the pool, and tells by how many megabytes it has grown.
import { scrypt } from 'node:crypto';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';

const ROUNDS = 4;
const THREADS = 4;
const SETTINGS = { N: 16_384, r: 8, p: 1 };

if (process.argv[2] === 'hardened') {
  createRequire(import.meta.url)('../../build/Release/strongroom.node').hardenProcess();
}
const hash = promisify(scrypt);
const before = process.memoryUsage.rss();
for (let round = 0; round < ROUNDS; round++) {
  await Promise.all(Array.from({ length: THREADS }, () => hash('secret', 'salt', 32, SETTINGS)));
}
process.stdout.write(`${Math.round((process.memoryUsage.rss() - before) / 1_000_000)}`);
