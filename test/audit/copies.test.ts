import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import test from 'ava';
import { HeadsPost } from '../../src/audit/heads_post.ts';
import { StdoutCopy } from '../../src/audit/stdout_copy.ts';
import { isSignedBy, readHead } from '../../src/audit/tree_head.ts';
import { anEvent, linesOf, newSigner, openLog, testDirectory } from './test_log.ts';

const signer = newSigner();

test('every line goes to the standard output as well', async (t) => {
  const directory = testDirectory(t);
  const output = new PassThrough();
  const log = await openLog(directory, signer, { copies: [new StdoutCopy(output, () => undefined)] });
  await log.record(anEvent());
  await log.close();
  const lines = String(output.read()).trimEnd().split('\n');
  t.deepEqual(
    lines.map((line) => JSON.parse(line)),
    linesOf(directory),
  );
});

test('a standard output that nobody reads holds up nothing, gets no more than there is room for, and is told of once', async (t) => {
  const troubles: string[] = [];
  const stuck = new Writable({ write: () => undefined });
  const copy = new StdoutCopy(stuck, (what) => troubles.push(what));
  const text = `${'x'.repeat(1024 * 1024)}\n`;
  for (let i = 1; i <= 30; i++) copy.offer({ text, first: i, last: i, startsFile: false });
  t.is(troubles.length, 1);
  t.true(stuck.writableLength <= 16 * 1024 * 1024);
});

test('heads are posted to whoever keeps them, and one that is not taken is told of', async (t) => {
  const bodies: string[] = [];
  let status = 204;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    bodies.push(body);
    response.writeHead(status, { location: '/elsewhere' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const troubles: string[] = [];
  const options = {
    headCopies: [new HeadsPost(`http://127.0.0.1:${port}/heads`)],
    onTrouble: (what: string) => void troubles.push(what),
  };
  const log = await openLog(testDirectory(t), signer, options);
  await log.record(anEvent());
  await log.close();
  t.is(bodies.length, 1);
  const head = readHead(JSON.parse(bodies[0] ?? ''));
  t.true(head !== undefined && head.treeSize === 2 && isSignedBy(head, signer.publicKey));
  t.deepEqual(troubles, []);
  for (status of [500, 302]) {
    const other = await openLog(testDirectory(t), signer, options);
    await other.close();
    t.regex(troubles.pop() ?? '', /could not be kept elsewhere/);
  }
  t.is(bodies.length, 3, 'no redirect is followed');
});
