import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import test from 'ava';
import { PROGRAM, plainEnvironment, RunningServer } from '../api/running_server.ts';

/** What doctor says of the port of this server. */
function portLine(server: RunningServer): Promise<string> {
  const args = [PROGRAM, 'doctor', '--data-dir', server.dataDir, '--listen', `127.0.0.1:${server.port}`];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: plainEnvironment(), timeout: 60_000 }, (_error, stdout, stderr) => {
      resolve(stdout.split('\n').find((line) => / ports /.test(line)) ?? stderr);
    });
  });
}

/** Answers in the place of the server, with its certificate, what a server of that state answers. */
async function answering(server: RunningServer, activation: string): Promise<() => Promise<unknown>> {
  const pem = readFileSync(join(server.dataDir, 'tls', 'server.pem'), 'utf8');
  const answer = JSON.stringify({ ready: true, activation });
  const stand = createServer({ key: pem, cert: pem }, ({ url }, response) => {
    response.statusCode = url === '/health/ready' ? 200 : 404;
    response.end(url === '/health/ready' ? answer : '{}');
  });
  await new Promise<void>((resolve) => stand.listen(server.port, '127.0.0.1', resolve));
  return () => new Promise((resolve) => stand.close(resolve));
}

test('doctor tells of a pool that waits for its security domain, and of one that is being restored', async (t) => {
  const server = await RunningServer.start({ STRONGROOM_SECURITY_DOMAIN_AUTO_ACTIVATE: 'false' });
  t.teardown(() => server.remove());
  t.regex(
    await portLine(server),
    /^ok .* is served by this Strongroom, which is ready, and waits for its security domain to be downloaded or uploaded$/,
  );
  await server.stop();
  for (const [activation, says] of [
    ['Restoring', /^ok .* is served by this Strongroom, which is ready, and is being restored$/],
    ['Active', /^ok .* is served by this Strongroom, which is ready$/],
  ] as const) {
    const end = await answering(server, activation);
    const line = await portLine(server);
    await end();
    t.regex(line, says);
  }
});
