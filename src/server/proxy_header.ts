import { type IpAddress, ipAddress, withoutMapping } from '../model/ip_address.ts';
import { LIMITS } from '../model/limits.ts';

/** What a proxy says of a connection before anything else goes over it. */
export interface ProxyHeader {
  /** Whom the connection is for; absent when it is the proxy's own (a health check, say). */
  readonly source: IpAddress | undefined;
  /** Bytes of the header: what comes behind them is the caller's. */
  readonly length: number;
}

/** What came first is no header of version 2. */
export class ProxyHeaderError extends Error {
  override readonly name = 'ProxyHeaderError';
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const FIXED_BYTES = 16;
const VERSION_2 = 0x20;
const LOCAL = 0x00;
const PROXY = 0x01;
/** By address family and transport: how an address is read, and how many bytes both ends take. Datagrams and Unix sockets have no place here. */
const FAMILIES: ReadonlyMap<number, { readonly family: IpAddress['family']; readonly bytes: number }> = new Map([
  [0x11, { family: 'ipv4', bytes: 12 }],
  [0x21, { family: 'ipv6', bytes: 36 }],
]);
const TLV_HEAD_BYTES = 3;

/**
 * Reads a header of the PROXY protocol, version 2 (haproxy's proxy-protocol.txt, §2.2). Its extensions (TLV) are passed over, once it is
 * certain that they end where the header does. `undefined` while there is more to come.
 * @throws ProxyHeaderError as soon as it cannot become one
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | undefined {
  const begun = Math.min(bytes.length, SIGNATURE.length);
  if (bytes.compare(SIGNATURE, 0, begun, 0, begun) !== 0) throw new ProxyHeaderError('no header of version 2');
  if (bytes.length < FIXED_BYTES) return undefined;
  const command = bytes.readUInt8(12);
  const length = FIXED_BYTES + bytes.readUInt16BE(14);
  if (command !== (VERSION_2 | LOCAL) && command !== (VERSION_2 | PROXY)) {
    throw new ProxyHeaderError('another version or command');
  }
  if (length > LIMITS.proxyHeaderBytes) throw new ProxyHeaderError(`more than ${LIMITS.proxyHeaderBytes} bytes`);
  if (bytes.length < length) return undefined;
  if (command === (VERSION_2 | LOCAL)) return { source: undefined, length };
  const ends = FAMILIES.get(bytes.readUInt8(13));
  if (ends === undefined) throw new ProxyHeaderError('a connection that is not TCP over IPv4 or IPv6');
  const extensions = FIXED_BYTES + ends.bytes;
  if (extensions > length) throw new ProxyHeaderError('too short for its addresses');
  requireExtensions(bytes.subarray(extensions, length));
  const addressBytes = ends.family === 'ipv4' ? 4 : 16;
  const bits = BigInt(`0x${bytes.toString('hex', FIXED_BYTES, FIXED_BYTES + addressBytes)}`);
  return { source: withoutMapping(ipAddress(ends.family, bits)), length };
}

function requireExtensions(bytes: Buffer): void {
  let at = 0;
  while (at < bytes.length) {
    if (at + TLV_HEAD_BYTES > bytes.length) throw new ProxyHeaderError('an extension without an end');
    at += TLV_HEAD_BYTES + bytes.readUInt16BE(at + 1);
  }
  if (at > bytes.length) throw new ProxyHeaderError('an extension that is longer than the header');
}
