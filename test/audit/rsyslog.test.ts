import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type SyslogAddress, SyslogCopy } from '../../src/audit/syslog_copy.ts';
import { freePort } from '../fixtures/free_port.ts';
import { testUnless } from '../fixtures/test_unless.ts';
import { anEvent, linesOf, newSigner, openLog, testDirectory } from './test_log.ts';

const PROGRAM = '/usr/sbin/rsyslogd';
const testWithRsyslog = testUnless(existsSync(PROGRAM) ? undefined : 'rsyslog is not installed');
const WAIT_MS = 20;
const WAITS = 1_000;

for (const kind of ['TCP', 'a unix socket'] as const) {
  testWithRsyslog(`rsyslog takes every line as it stands, by its fields, over ${kind}`, async (t) => {
    const { address, received } = await startRsyslog(t, kind);
    const directory = testDirectory(t);
    const copies = [new SyslogCopy(address, () => undefined)];
    const log = await openLog(directory, newSigner(), { copies, headEvery: { records: 10, ms: 60_000 } });
    // Its first line waits until rsyslog is there.
    await until(() => received().length > 0);
    for (let i = 0; i < 40; i++) await log.record(anEvent({ requestId: `r${i}`, userAgent: 'é "%\\' }));
    await log.close();
    const lines = linesOf(directory);
    await until(() => received().length === lines.length);
    t.deepEqual(
      received().map(({ fields }) => fields),
      lines.map(() => `audit info strongroom ${process.pid} audit`),
    );
    t.deepEqual(
      received().map(({ message }) => JSON.parse(message)),
      lines,
    );
  });
}

interface Received {
  readonly fields: string;
  readonly message: string;
}

async function startRsyslog(
  t: ExecutionContext,
  kind: 'TCP' | 'a unix socket',
): Promise<{ address: SyslogAddress; received: () => Received[] }> {
  const directory = testDirectory(t);
  const output = join(directory, 'output');
  const address = kind === 'TCP' ? { host: '127.0.0.1', port: await freePort() } : { path: join(directory, 'socket') };
  const where = 'path' in address ? `path="${address.path}"` : `address="${address.host}" port="${address.port}"`;
  const fields = '%syslogfacility-text% %syslogseverity-text% %app-name% %procid% %msgid%';
  writeFileSync(
    join(directory, 'rsyslog.conf'),
    `global(workDirectory="${directory}" parser.escapeControlCharactersOnReceive="off")
module(load="imptcp")
input(type="imptcp" ${where} ruleset="all")
template(name="parts" type="string" string="${fields}|%msg%\\n")
ruleset(name="all") { action(type="omfile" file="${output}" template="parts") }
`,
  );
  const args = ['-n', '-f', join(directory, 'rsyslog.conf'), '-i', join(directory, 'pid')];
  const daemon = spawn(PROGRAM, args, { stdio: 'ignore' });
  const exited = once(daemon, 'exit');
  t.teardown(async () => {
    daemon.kill();
    await exited;
  });
  const received = (): Received[] =>
    readFileSync(output, { encoding: 'utf8', flag: 'a+' })
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({
        fields: line.slice(0, line.indexOf('|')),
        message: line.slice(line.indexOf('|') + 1).trim(),
      }));
  return { address, received };
}

async function until(holds: () => boolean): Promise<void> {
  for (let waits = 0; !holds(); waits++) {
    if (waits > WAITS) throw new Error('It never came to that.');
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
}
