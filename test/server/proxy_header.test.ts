import test from 'ava';
import fc from 'fast-check';
import { ProxyHeaderError, parseProxyHeader } from '../../src/server/proxy_header.ts';
import { headerFor, proxyHeader } from './proxy_sender.ts';

const V4 = [203, 0, 113, 7];
const V6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...V4];
const tlv = (type: number, value: Buffer, announced = value.length): Buffer =>
  Buffer.concat([Buffer.from([type, announced >> 8, announced & 0xff]), value]);

const ends4 = Buffer.from([...V4, ...V4, 0, 1, 0, 2]);
const ends6 = Buffer.from([...V6, ...V6, 0, 1, 0, 2]);

const HEADERS: readonly [what: string, header: Buffer, source: string | undefined][] = [
  ['TCP over IPv4', headerFor(V4), '203.0.113.7'],
  ['TCP over IPv6', headerFor(V6), '2001:db8::7'],
  ['a mapped address, which is one of IPv4', headerFor(MAPPED), '203.0.113.7'],
  ['an extension', headerFor(V4, tlv(0x04, Buffer.alloc(9))), '203.0.113.7'],
  ['an extension without a value', headerFor(V4, tlv(0x04, Buffer.alloc(0))), '203.0.113.7'],
  [
    'several extensions',
    headerFor(V6, Buffer.concat([tlv(1, Buffer.from('h2')), tlv(0xea, Buffer.alloc(300))])),
    '2001:db8::7',
  ],
  ['as many bytes as are taken', headerFor(V4, tlv(4, Buffer.alloc(4096 - 16 - 12 - 3))), '203.0.113.7'],
  [
    'the command LOCAL',
    proxyHeader({ versionAndCommand: 0x20, familyAndTransport: 0, block: Buffer.alloc(0) }),
    undefined,
  ],
  ['LOCAL with addresses, which say nothing', proxyHeader({ versionAndCommand: 0x20, block: ends4 }), undefined],
  [
    'LOCAL with a block of another kind',
    proxyHeader({ versionAndCommand: 0x20, familyAndTransport: 0x31, block: Buffer.alloc(216) }),
    undefined,
  ],
];

for (const [what, header, source] of HEADERS) {
  test(`a header with ${what} is taken off, whatever comes behind it`, (t) => {
    for (const behind of ['', '\x16\x03\x01', 'GET /']) {
      const read = parseProxyHeader(Buffer.concat([header, Buffer.from(behind, 'latin1')]));
      t.is(read?.source?.text, source);
      t.is(read?.length, header.length);
    }
  });

  test(`a header with ${what} that is not whole is waited for`, (t) => {
    for (let length = 0; length < header.length; length++)
      t.is(parseProxyHeader(header.subarray(0, length)), undefined);
  });
}

const REFUSED: readonly [what: string, bytes: Buffer][] = [
  ['version 1', Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n')],
  ['TLS', Buffer.from('16030100f5010000f1', 'hex')],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
  ['one byte of something else', Buffer.from('P')],
  [
    'a signature with one bit changed',
    Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540b', 'hex'), Buffer.alloc(16)]),
  ],
  ['version 1 in the form of 2', proxyHeader({ versionAndCommand: 0x11, block: ends4 })],
  ['version 3', proxyHeader({ versionAndCommand: 0x31, block: ends4 })],
  ['an unknown command', proxyHeader({ versionAndCommand: 0x22, block: ends4 })],
  ['no family', proxyHeader({ familyAndTransport: 0x00, block: ends4 })],
  ['TCP over no family', proxyHeader({ familyAndTransport: 0x01, block: ends4 })],
  ['a family without transport', proxyHeader({ familyAndTransport: 0x10, block: ends4 })],
  ['datagrams', proxyHeader({ familyAndTransport: 0x12, block: ends4 })],
  ['datagrams over IPv6', proxyHeader({ familyAndTransport: 0x22, block: ends6 })],
  ['a Unix socket', proxyHeader({ familyAndTransport: 0x31, block: Buffer.alloc(216) })],
  ['an unknown family', proxyHeader({ familyAndTransport: 0x41, block: ends6 })],
  ['addresses of IPv4 that end too early', proxyHeader({ block: ends4.subarray(0, 11) })],
  ['no addresses', proxyHeader({ block: Buffer.alloc(0) })],
  ['addresses of IPv6 that are those of IPv4', proxyHeader({ familyAndTransport: 0x21, block: ends4 })],
  ['an extension that ends before its length', headerFor(V4, Buffer.from([4]))],
  ['an extension that ends in its length', headerFor(V4, Buffer.from([4, 0]))],
  ['an extension longer than the header', headerFor(V4, tlv(4, Buffer.alloc(3), 4))],
  [
    'a second extension longer than the header',
    headerFor(V4, Buffer.concat([tlv(4, Buffer.alloc(1)), tlv(5, Buffer.alloc(1), 2)])),
  ],
  ['one byte more than is taken', headerFor(V4, tlv(4, Buffer.alloc(4096 - 16 - 12 - 2)))],
  [
    'a length that is not taken, before anything of it is there',
    proxyHeader({ block: Buffer.alloc(0), announced: 65_535 }),
  ],
  [
    'LOCAL and a length that is not taken',
    proxyHeader({ versionAndCommand: 0x20, block: Buffer.alloc(0), announced: 5_000 }),
  ],
];

for (const [what, bytes] of REFUSED) {
  test(`a connection that begins with ${what} is refused`, (t) => {
    t.throws(() => parseProxyHeader(bytes), { instanceOf: ProxyHeaderError });
  });
}

test('bytes of any kind are waited for, taken or refused, and nothing else happens', (t) => {
  const begin = fc.constantFrom(
    Buffer.alloc(0),
    headerFor(V4).subarray(0, 12),
    headerFor(V4).subarray(0, 14),
    headerFor(V6),
  );
  fc.assert(
    fc.property(begin, fc.uint8Array({ maxLength: 300 }), (front, rest) => {
      const bytes = Buffer.concat([front, rest]);
      try {
        const header = parseProxyHeader(bytes);
        return header === undefined || (header.length >= 16 && header.length <= bytes.length);
      } catch (error) {
        return error instanceof ProxyHeaderError;
      }
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
