import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { parseSyslogAddress, SyslogCopy } from '../../src/audit/syslog_copy.ts';
import { anEvent, linesOf, newSigner, openLog, testDirectory } from './test_log.ts';

/** Takes messages in the framing of RFC 6587 §3.4.1. */
class SyslogServer {
  readonly server: Server;
  readonly messages: string[] = [];
  #onMessage: (() => void) | undefined;

  constructor() {
    this.server = createServer((socket) => {
      let text = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        text = Buffer.concat([text, chunk]);
        for (;;) {
          const space = text.indexOf(' ');
          const length = Number(text.subarray(0, space));
          if (space === -1 || text.length < space + 1 + length) break;
          this.messages.push(text.subarray(space + 1, space + 1 + length).toString('utf8'));
          text = text.subarray(space + 1 + length);
          this.#onMessage?.();
        }
      });
      socket.on('end', () => socket.end());
    });
  }

  async got(count: number): Promise<void> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => {
        this.#onMessage = resolve;
      });
    }
  }
}

const noTrouble = (): void => undefined;

test('every line goes to syslog over TCP as RFC 5424 has it', async (t) => {
  const syslog = new SyslogServer();
  syslog.server.listen(0, '127.0.0.1');
  await once(syslog.server, 'listening');
  const { port } = syslog.server.address() as AddressInfo;
  const address = parseSyslogAddress(`tcp://127.0.0.1:${port}`);
  t.deepEqual(address, { host: '127.0.0.1', port });
  const directory = testDirectory(t);
  const log = await openLog(directory, newSigner(), { copies: [new SyslogCopy(address ?? { path: '' }, noTrouble)] });
  await Promise.all([log.record(anEvent({ userAgent: 'é' })), log.record(anEvent())]);
  await log.close();
  await syslog.got(4);
  const header = /^<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ strongroom \d+ audit - (?=\{)/;
  for (const message of syslog.messages) t.regex(message, header);
  t.deepEqual(
    syslog.messages.map((message) => JSON.parse(message.replace(header, ''))),
    linesOf(directory),
  );
  syslog.server.close();
});

test('lines wait for a syslog that is not there yet, over a unix socket', async (t) => {
  const path = join(testDirectory(t), 'syslog');
  t.deepEqual(parseSyslogAddress(`unix:${path}`), { path });
  const troubles: string[] = [];
  const copy = new SyslogCopy({ path }, (what) => troubles.push(what));
  copy.offer({ text: '{"a":1}\n{"a":2}\n', first: 1, last: 2, startsFile: false });
  const syslog = new SyslogServer();
  syslog.server.listen(path);
  await syslog.got(2);
  t.is(syslog.messages.length, 2);
  await copy.close();
  syslog.server.close();
});

test('a syslog that takes nothing gets no more than there is room for, and says so once', async (t) => {
  const troubles: string[] = [];
  const copy = new SyslogCopy({ path: join(testDirectory(t), 'nobody') }, (what) => troubles.push(what));
  const text = `${'x'.repeat(1024 * 1024)}\n`;
  for (let i = 0; i < 30; i++) copy.offer({ text, first: i, last: i, startsFile: false });
  t.is(troubles.filter((what) => /left out/.test(what)).length, 1);
  await copy.close();
});

for (const text of [
  'udp://localhost:514',
  'tcp://localhost',
  'tcp://localhost:0',
  'tcp://a b:1',
  'unix:relative',
  '',
]) {
  test(`"${text}" is no address of a syslog`, (t) => {
    t.is(parseSyslogAddress(text), undefined);
  });
}
