import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import test from 'ava';
import { Firewall } from '../../src/access/firewall.ts';
import { parseNetworkRules } from '../../src/access/network_rules_file.ts';
import { type AddressRange, parseAddressRange } from '../../src/model/address_range.ts';
import { type Call, call } from './caller.ts';
import { connectThroughProxy, headerFor, proxyHeader, type Sending } from './proxy_sender.ts';
import { type Reply, TestServer } from './test_server.ts';

const OFFICE = [10, 1, 2, 3];
const ELSEWHERE = [198, 51, 100, 7];
const OFFICE_IPV6 = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

function range(text: string): AddressRange {
  const parsed = parseAddressRange(text);
  if ('range' in parsed) return parsed.range;
  throw new TypeError(text);
}

const firewall = {
  current: new Firewall(
    parseNetworkRules(
      JSON.stringify({
        networkAcls: {
          defaultAction: 'Deny',
          virtualNetworkRules: [{ id: 'office' }],
          ipRules: [{ value: '203.0.113.0/24' }],
        },
        virtualNetworks: { office: { proxies: ['127.0.0.1'], sources: ['10.0.0.0/8', 'fd00::/8'] } },
      }),
    ),
  ),
  close: () => undefined,
};
const anywhere = { host: '127.0.0.1', port: 0, mayBeAbsent: false };
const server = await TestServer.open(undefined, {
  addresses: [anywhere],
  proxyAddresses: [anywhere],
  trustedProxies: [range('127.0.0.1')],
  firewall,
});
const [direct, proxied] = server.server.addresses as [AddressInfo, AddressInfo];
test.after.always(() => server.server.close());

async function callThrough(header: Buffer, sending: Sending = 'together', options: Call = {}): Promise<Reply> {
  return call(server, { at: proxied, ...options, over: await connectThroughProxy(proxied.port, header, sending) });
}

for (const sending of ['together', 'apart', 'byteByByte'] as const) {
  for (const tlsVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`a caller is whom the proxy names, over ${tlsVersion}, with header and TLS sent ${sending}`, async (t) => {
      const office = await callThrough(headerFor(OFFICE), sending, { tlsVersion });
      t.is(office.status, 200);
      t.is(
        office.headers['x-ms-keyvault-network-info'],
        'conn_type=Subnet;subnet=office;addr=10.1.2.3;act_addr_fam=Ipv4;',
      );
      const elsewhere = await callThrough(headerFor(ELSEWHERE), sending, { tlsVersion });
      t.is(elsewhere.status, 403);
      t.regex(elsewhere.json.error?.message ?? '', /Client address: 198\.51\.100\.7 /);
    });
  }
}

test('a header of IPv6 names a caller too, an IP rule holds for callers of proxies, and extensions are passed over', async (t) => {
  const extension = Buffer.concat([Buffer.from([0xea, 0x01, 0x00]), Buffer.alloc(256)]);
  const ipv6 = await callThrough(headerFor(OFFICE_IPV6, extension));
  t.is(ipv6.headers['x-ms-keyvault-network-info'], 'conn_type=Subnet;subnet=office;addr=fd00::9;act_addr_fam=Ipv4;');
  t.is((await callThrough(headerFor([203, 0, 113, 9], extension))).status, 200);
});

test('a body that is long comes through whole', async (t) => {
  const value = 'A'.repeat(60_000);
  const options = {
    method: 'POST',
    path: '/keys/k1/encrypt?api-version=7.6',
    body: JSON.stringify({ alg: 'A256GCM', value }),
  };
  for (const sending of ['together', 'byteByByte'] as const) {
    t.is((await callThrough(headerFor(OFFICE), sending, options)).status, 200);
  }
});

test('headers of HTTP change nothing of what a proxy has said', async (t) => {
  const headers = { 'x-forwarded-for': '10.1.2.3', forwarded: 'for=10.1.2.3' };
  t.is((await callThrough(headerFor(ELSEWHERE), 'together', { headers })).status, 403);
});

test('with LOCAL the proxy is itself the caller', async (t) => {
  const local = proxyHeader({ versionAndCommand: 0x20, familyAndTransport: 0, block: Buffer.alloc(0) });
  const { status, json } = await callThrough(local);
  t.is(status, 403);
  t.regex(json.error?.message ?? '', /Client address: 127\.0\.0\.1 /);
  const ready = await callThrough(local, 'apart', { path: '/health/ready', accessToken: null });
  t.is(ready.status, 200);
});

test('a header at a listener that takes none is no TLS', async (t) => {
  const over = await connectThroughProxy(direct.port, headerFor(OFFICE), 'together');
  await t.throwsAsync(call(server, { at: direct, over }));
});

test('callers of many connections at once are told apart', async (t) => {
  const replies = await Promise.all(
    Array.from({ length: 40 }, async (_, index) => {
      const reply = await callThrough(headerFor([10, 9, 8, index]), index % 2 === 0 ? 'together' : 'apart');
      return [reply.status, reply.headers['x-ms-keyvault-network-info']];
    }),
  );
  const way = (index: number) => `conn_type=Subnet;subnet=office;addr=10.9.8.${index};act_addr_fam=Ipv4;`;
  t.deepEqual(
    replies,
    Array.from({ length: 40 }, (_, index) => [200, way(index)]),
  );
});

/** Sends bytes, and gives what comes until the server ends the connection. */
async function endOf(socket: Socket, bytes: Buffer): Promise<string> {
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await new Promise((resolve) => socket.on('close', resolve));
  return Buffer.concat(received).toString('latin1');
}

const UNWANTED: readonly [what: string, bytes: Buffer][] = [
  ['TLS without a header', Buffer.from('16030100f5010000f10303', 'hex')],
  ['version 1', Buffer.from('PROXY TCP4 10.1.2.3 192.0.2.1 56324 443\r\n')],
  ['HTTP', Buffer.from('GET /health/ready HTTP/1.1\r\nhost: a\r\n\r\n')],
  ['datagrams', proxyHeader({ familyAndTransport: 0x12, block: Buffer.alloc(12) })],
  ['a length that is not taken', proxyHeader({ block: Buffer.alloc(0), announced: 60_000 })],
  ['an extension without an end', headerFor(OFFICE, Buffer.from([4, 0]))],
];

for (const [what, bytes] of UNWANTED) {
  test(`a connection of a trusted proxy that begins with ${what} is closed without an answer, and the log says so`, async (t) => {
    const before = server.log.length;
    t.is(await endOf(connect(proxied.port, '127.0.0.1'), bytes), '');
    const lines = server.log.slice(before).filter((line) => line.includes('a connection of a proxy was refused'));
    t.true(lines.some((line) => line.includes('"level":40') && line.includes('127.0.0.1')));
  });
}

test('a connection from elsewhere than a trusted proxy is closed before anything is read', async (t) => {
  const socket = connect({ port: proxied.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  t.is(await endOf(socket, headerFor(OFFICE)), '');
  t.true(server.log.some((line) => line.includes('"peer":"127.0.0.2"') && line.includes('not a trusted proxy')));
});

test('a header that does not come to its end is waited for a while, and no longer', async (t) => {
  t.timeout(30_000);
  const header = headerFor(OFFICE);
  const replies = await Promise.all([
    endOf(connect(proxied.port, '127.0.0.1'), header.subarray(0, 20)),
    endOf(connect(proxied.port, '127.0.0.1'), header.subarray(0, 1)),
    endOf(connect(proxied.port, '127.0.0.1'), Buffer.alloc(0)),
  ]);
  t.deepEqual(replies, ['', '', '']);
  t.is(server.log.filter((line) => line.includes('no whole header in time')).length, 3);
});

test('a header that no TLS follows is waited behind for a while, and no longer', async (t) => {
  t.timeout(30_000);
  t.is(await endOf(connect(proxied.port, '127.0.0.1'), headerFor(OFFICE)), '');
});

test('a peer that hangs up in its header, or behind it, harms nobody', async (t) => {
  const header = headerFor(OFFICE);
  for (const bytes of [
    header.subarray(0, 0),
    header.subarray(0, 10),
    header,
    Buffer.concat([header, Buffer.from([0x16])]),
  ]) {
    for (const leave of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const socket = connect(proxied.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(bytes);
      socket[leave]();
      await new Promise((resolve) => socket.on('close', resolve));
    }
  }
  t.is((await callThrough(header)).status, 200);
});

test.serial(
  'a trusted proxy that connects and goes is not worth a warning, one that goes in its header is',
  async (t) => {
    const goneAfter = async (bytes: Buffer): Promise<number> => {
      const before = server.log.length;
      const socket = connect(proxied.port, '127.0.0.1');
      socket.resume();
      socket.end(bytes);
      await once(socket, 'close');
      return server.log.slice(before).filter((line) => line.includes('no whole header"')).length;
    };
    t.is(await goneAfter(Buffer.alloc(0)), 0);
    t.is(await goneAfter(headerFor(OFFICE).subarray(0, 7)), 1);
  },
);

test('a server that closes does not wait for headers', async (t) => {
  const other = await TestServer.open(undefined, {
    proxyAddresses: [anywhere],
    trustedProxies: [range('127.0.0.0/8')],
  });
  const [, entrance] = other.server.addresses;
  const socket = connect(entrance?.port ?? 0, '127.0.0.1');
  await once(socket, 'connect');
  const ended = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => undefined);
  socket.resume();
  socket.write(headerFor(OFFICE).subarray(0, 5));
  await other.server.close();
  await ended;
  t.pass();
});
