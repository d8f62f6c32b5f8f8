import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { AzureContainer } from '../../src/backup/azure_container.ts';
import { openContainer } from '../../src/backup/storage_location.ts';
import { refused } from '../fixtures/refused.ts';

const SIGNAL = new AbortController().signal;
async function serve(t: ExecutionContext, listener: RequestListener): Promise<AzureContainer> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  t.teardown(() => server.closeAllConnections());
  return new AzureContainer(`http://127.0.0.1:${(server.address() as AddressInfo).port}/container`, 'sig=secret');
}

test('a storage that is busy is asked again, one that goes elsewhere is not followed', async (t) => {
  let asked = 0;
  const busy = await serve(t, (request, response) => {
    request.resume();
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 201).end();
  });
  await busy.write('x', randomBytes(3), SIGNAL);
  t.is(asked, 3);
  let followed = 0;
  const elsewhere = await serve(t, (_request, response) => {
    followed += 1;
    response.writeHead(200).end();
  });
  const redirecting = await serve(t, (request, response) => {
    request.resume();
    response.writeHead(307, { location: `${elsewhere.uri}/x` }).end();
  });
  await refused(t, redirecting.write('x', randomBytes(3), SIGNAL), 'Conflict', 'StorageRefused');
  await refused(t, redirecting.read('x', 3, SIGNAL), 'Conflict', 'StorageRefused');
  t.is(followed, 0);
});

test('what somebody else has put there is not written over, and what was put there unheard is not put again', async (t) => {
  const conditions: unknown[] = [];
  let lost = 0;
  const taken = await serve(t, (request, response) => {
    request.resume();
    conditions.push(request.headers['if-none-match']);
    if (lost-- > 0) response.writeHead(503).end();
    else response.writeHead(409, { 'x-ms-error-code': 'BlobAlreadyExists' }).end();
  });
  await refused(t, taken.write('x', randomBytes(3), SIGNAL), 'Conflict', 'StorageTaken');
  lost = 1;
  await taken.write('x', randomBytes(3), SIGNAL);
  t.deepEqual(conditions, ['*', '*', '*']);
});

test('a body that ends too early is fetched again, and one without an end is not read', async (t) => {
  let asked = 0;
  const cut = await serve(t, (_request, response) => {
    asked += 1;
    response.writeHead(200, { 'content-length': '10' });
    if (asked === 1) response.write('half', () => response.destroy());
    else response.end('0123456789');
  });
  t.is(Buffer.from((await cut.read('x', 10, SIGNAL)) ?? []).toString(), '0123456789');
  const endless = await serve(t, (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more);
    more();
  });
  t.true(((await endless.read('x', 1_000, SIGNAL))?.length ?? 0) < 10_000_000);
});

test('where nobody answers, or nobody waits any more, it ends, and says nothing of the token', async (t) => {
  const nobody = new AzureContainer('http://127.0.0.1:1/container', 'sig=secret');
  const giveUp = new AbortController();
  const attempt = nobody.write('x', randomBytes(3), giveUp.signal);
  giveUp.abort(new Error('stopped'));
  const error = await t.throwsAsync(attempt);
  t.false(String(error.message).includes('secret'));
});

test('the URIs and tokens of other things are refused before anybody is asked', (t) => {
  const options = { directory: undefined, origins: [] };
  const open = (storageResourceUri: string, token: string | undefined) => () =>
    openContainer({ storageResourceUri, token }, options);
  for (const uri of [
    '',
    'x',
    'ftp://host/c',
    'http://host/c',
    'https://host',
    'https://host/c#x',
    'https://u@host/c',
  ]) {
    t.throws(open(uri, 'sig=1'), undefined, uri);
  }
  for (const token of [undefined, '', 'x', 'sp=r', 'sig=a b', `sig=${'x'.repeat(5_000)}`]) {
    const error = t.throws(open('https://host/c', token), undefined, String(token));
    t.is(error.message, 'Expected a SAS token of the container for token.');
  }
  t.is(open('https://host/c//', '?sig=1')().uri, 'https://host/c');
});
