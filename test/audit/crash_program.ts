import { createPrivateKey, createPublicKey } from 'node:crypto';
import { writeSync } from 'node:fs';
import { p256Raw } from './p256_raw.ts';
import { anEvent, openLog } from './test_log.ts';

/** Records events for as long as it lives, and says of each that it is recorded, once it is told so. */
const [directory = '', run = '', pem = ''] = process.argv.slice(2);
const privateKey = createPrivateKey(pem);
const signer = {
  privateKey,
  publicKey: createPublicKey(pem),
  signAuditHead: async (digest: Uint8Array) => p256Raw(privateKey, digest),
};
const log = await openLog(directory, signer, { fileBytes: 60_000, headEvery: { records: 100, ms: 50 } });
let next = 0;

async function recordOn(): Promise<never> {
  for (;;) {
    const requestId = `${run}-${next++}`;
    await log.record(anEvent({ requestId }));
    writeSync(1, `${requestId}\n`);
  }
}

await Promise.all(Array.from({ length: 16 }, recordOn));
