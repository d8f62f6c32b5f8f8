import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import test from 'ava';
import { LIMITS } from '../../src/model/limits.ts';
import { POOL_HOST, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

function open(options: Record<string, unknown> = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: server.port, servername: POOL_HOST, ca: server.authority, ...options },
      () => resolve(socket),
    );
    socket.on('error', reject);
  });
}

/** Sends bytes and gives everything that comes until the server closes. */
async function converse(text: string): Promise<string> {
  const socket = await open();
  return new Promise((resolve) => {
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => resolve(received));
    socket.on('close', () => resolve(received));
    socket.write(text);
  });
}

test('TLS 1.2 and 1.3 are spoken, older ones are not', async (t) => {
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    const socket = await open({ minVersion: version, maxVersion: version });
    t.is(socket.getProtocol(), version);
    socket.destroy();
  }
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
  await t.throwsAsync(open(old), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
});

const REFUSED_SUITES = [
  'AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-RSA-AES256-SHA',
  'DHE-RSA-AES128-GCM-SHA256',
];

for (const ciphers of REFUSED_SUITES) {
  test(`the TLS 1.2 suite ${ciphers} is not spoken`, async (t) => {
    await t.throwsAsync(open({ maxVersion: 'TLSv1.2', ciphers: `${ciphers}:@SECLEVEL=0` }), {
      code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    });
  });
}

const BROKEN: readonly [what: string, text: string, status: string][] = [
  ['no HTTP', 'hello\r\n\r\n', '400'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '400'],
  ['two lengths', 'POST /rng HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', '400'],
  [
    'a length and chunks',
    'POST /rng HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    '400',
  ],
  ['a length with a sign', 'POST /rng HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\na', '400'],
  ['a folded header', 'GET /rng HTTP/1.1\r\nhost: a\r\nx: a\r\n b\r\n\r\n', '400'],
  ['a bare line feed', 'GET /rng HTTP/1.1\nhost: a\n\n', '400'],
  ['no host', 'GET /rng HTTP/1.1\r\n\r\n', '400'],
  ['a tunnel', 'CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n', '400'],
  ['headers without end', `GET /rng HTTP/1.1\r\nhost: a\r\nx: ${'a'.repeat(17 * 1024)}\r\n\r\n`, '431'],
];

for (const [what, text, status] of BROKEN) {
  test.serial(
    `a request with ${what} is answered with ${status}, put on record, and the connection closed`,
    async (t) => {
      server.audit.taken();
      t.regex(await converse(text), new RegExp(`^HTTP/1\\.1 ${status} `));
      t.deepEqual(
        server.audit.taken().map(({ operation, innerCode, httpStatus, callerAddress, requestUri }) => ({
          operation,
          innerCode,
          httpStatus,
          callerAddress,
          requestUri,
        })),
        [
          {
            operation: 'InvalidRequest',
            innerCode: 'MalformedHttp',
            httpStatus: Number(status),
            callerAddress: '127.0.0.1',
            requestUri: undefined,
          },
        ],
      );
    },
  );
}

test('a header named __proto__ harms nobody', async (t) => {
  const text = 'GET /x HTTP/1.1\r\nhost: a\r\n__proto__: 1\r\nconnection: close\r\n\r\n';
  t.regex(await converse(text), /^HTTP\/1\.1 401 /);
});

test.serial('what is no HTTP gets no answer of its own while the log takes nothing', async (t) => {
  server.audit.taken();
  for (const mood of ['admitted', 'recorded'] as const) {
    server.audit.takesNothing = mood;
    t.regex(await converse('hello\r\n\r\n'), /^HTTP\/1\.1 503 /);
  }
  server.audit.takesNothing = undefined;
});

test.serial('a request that expects what nobody knows goes the way of all others', async (t) => {
  server.audit.taken();
  const text = 'GET /rng HTTP/1.1\r\nhost: a\r\nexpect: wonders\r\nconnection: close\r\n\r\n';
  t.regex(await converse(text), /^HTTP\/1\.1 401 /);
  t.like(server.audit.taken(), [{ operation: 'Authentication', httpStatus: 401 }]);
});

for (const [what, bytes] of [
  ['says nothing', ''],
  ['begins with TLS and goes no further', '1603010200010001'],
] as const) {
  test(`a caller that ${what} is cut off`, async (t) => {
    t.timeout(30_000);
    const socket = connectPlain(server.port, '127.0.0.1');
    socket.resume();
    socket.write(Buffer.from(bytes, 'hex'));
    await once(socket, 'close');
    t.pass();
  });
}

test.serial('a caller that sends its headers slowly is cut off after five seconds', async (t) => {
  t.timeout(15_000);
  const began = performance.now();
  t.regex(await converse('GET /rng HTTP/1.1\r\nhost: a\r\n'), /^HTTP\/1\.1 408 /);
  const seconds = (performance.now() - began) / 1000;
  t.true(seconds >= 4.5 && seconds < 9, `${seconds} s`);
});

test.serial('a caller that sends its body slowly is cut off after fifteen seconds', async (t) => {
  t.timeout(40_000);
  const began = performance.now();
  const head = `POST /rng?api-version=7.4 HTTP/1.1\r\nhost: ${POOL_HOST}\r\nauthorization: Bearer ${await server.accessToken()}`;
  const text = `${head}\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"count"`;
  server.audit.taken();
  t.regex(await converse(text), /^HTTP\/1\.1 408 /);
  const isTold = (): boolean =>
    server.audit.events.some(({ operation, result }) => operation === 'RandomBytesGet' && result === 'Aborted');
  while (!isTold()) await new Promise((resolve) => setTimeout(resolve, 20));
  const seconds = (performance.now() - began) / 1000;
  t.true(seconds >= 14 && seconds < 25, `${seconds} s`);
  t.is((await server.post('/rng?api-version=7.4', { count: 1 })).status, 200);
});

test.serial('a caller that hangs up in the middle of its body harms nobody', async (t) => {
  const socket = await open();
  const head = `POST /rng?api-version=7.4 HTTP/1.1\r\nhost: ${POOL_HOST}\r\nauthorization: Bearer ${await server.accessToken()}`;
  socket.write(`${head}\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{"count"`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  while (!server.log.some((line) => line.includes('"Aborted"')))
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.is((await server.post('/rng?api-version=7.4', { count: 1 })).status, 200);
});

/** A request as it is sent, to be followed by others. */
const pipelined = async (path: string, last = false): Promise<string> =>
  `GET ${path}?api-version=7.4 HTTP/1.1\r\nhost: ${POOL_HOST}\r\nauthorization: Bearer ${await server.accessToken()}\r\n${last ? 'connection: close\r\n' : ''}\r\n`;

/** The engine answers nothing until that is called. */
function holdEngine(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.engine.gate = promise;
  return resolve;
}

const asked = (): number => server.engine.requests.length;

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test.serial(
  'requests that are sent at once on one connection are served one after the other, in their order',
  async (t) => {
    const before = asked();
    const release = holdEngine();
    const received = converse(
      `${await pipelined('/keys/first')}${await pipelined('/keys/second')}${await pipelined('/keys/third', true)}`,
    );
    await until(() => asked() > before);
    await new Promise((resolve) => setTimeout(resolve, 50));
    t.is(asked(), before + 1);
    release();
    const text = await received;
    t.is(text.match(/HTTP\/1\.1 200 /g)?.length, 3);
    t.deepEqual(text.match(/(?<=keys\/)(first|second|third)(?=\/)/g), ['first', 'second', 'third']);
  },
);

test.serial('of requests that wait for others nothing is done once their connection is gone', async (t) => {
  const before = asked();
  const release = holdEngine();
  const socket = await open();
  socket.write((await pipelined('/keys/first')) + (await pipelined('/keys/second')));
  await until(() => asked() > before);
  socket.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  release();
  t.is((await server.request('/keys/third?api-version=7.4')).status, 200);
  t.is(asked(), before + 2);
});

test.serial('a connection on which more requests wait than may is cut off, and others are served', async (t) => {
  const release = holdEngine();
  const one = await pipelined('/keys/first');
  t.is(await converse(one.repeat(LIMITS.requestsPerConnection + 1)), '');
  release();
  t.is((await server.request('/keys/second?api-version=7.4')).status, 200);
});

test('many connections that say nothing do not keep others from being served', async (t) => {
  const sockets = await Promise.all(Array.from({ length: 50 }, () => open()));
  t.is((await server.request('/keys/k1?api-version=7.4')).status, 200);
  for (const socket of sockets) socket.destroy();
});

test('an address that cannot be had is told with the reason of the system', async (t) => {
  const { Listeners } = await import('../../src/server/listeners.ts');
  const { newAuthority, issueServerCertificate } = await import('../../src/server/tls/local_authority.ts');
  const identity = await issueServerCertificate(
    await newAuthority('t', ['localhost'], new Date()),
    ['localhost'],
    new Date(),
  );
  const nothing = (): void => undefined;
  const entrances = { privateAddresses: [], proxyAddresses: [], trustedProxies: [] };
  const calls = { onRequest: nothing, onBrokenRequest: nothing, onError: nothing, onRefused: nothing };
  const options = { identity, ...entrances, ...calls };
  const taken = { host: '127.0.0.1', port: server.port, mayBeAbsent: false };
  const free = { host: '127.0.0.1', port: 0, mayBeAbsent: false };
  await t.throwsAsync(Listeners.open({ ...options, addresses: [free, taken] }), { code: 'EADDRINUSE' });
  const absent = { host: '198.51.100.1', port: 0 };
  await t.throwsAsync(Listeners.open({ ...options, addresses: [{ ...absent, mayBeAbsent: false }] }), {
    code: 'EADDRNOTAVAIL',
  });
  const listeners = await Listeners.open({ ...options, addresses: [{ ...absent, mayBeAbsent: true }, free] });
  t.is(listeners.addresses.length, 1);
  await listeners.close(0);
});
