import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { logInDirectory } from '../../src/audit/log_files.ts';
import { verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { eventsOf, newSigner, testDirectory } from './test_log.ts';

const CRASHES = 5;
const PROGRAM = new URL('crash_program.ts', import.meta.url).pathname;

test('what a process that is killed was told is recorded is on record, each time, and the log holds', async (t) => {
  const directory = testDirectory(t);
  const { privateKey, publicKey } = newSigner();
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const told: string[] = [];
  for (let run = 0; run < CRASHES; run++) {
    const child = spawn(process.execPath, [PROGRAM, directory, String(run), pem], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    let output = '';
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (output.length > 3_000 * (run + 1)) child.kill('SIGKILL');
    }
    await exited;
    const lines = output.split('\n').slice(0, -1);
    t.true(lines.length > 100);
    told.push(...lines);
  }
  const recorded = new Set(
    eventsOf(directory).map(({ properties }) => (properties as { requestId: string }).requestId),
  );
  t.deepEqual(
    told.filter((id) => !recorded.has(id)),
    [],
  );
  t.is((await verifyAuditLog(logInDirectory(directory), { key: publicKey })).problem, undefined);
});
