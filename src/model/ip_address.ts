/** An address of the Internet Protocol. Two that are the same have the same text. */
export interface IpAddress {
  readonly family: 'ipv4' | 'ipv6';
  /** 32 of them, or 128. */
  readonly bits: bigint;
  /** The one spelling of RFC 5952. */
  readonly text: string;
}

/** How many bits an address has. */
export const ADDRESS_BITS = { ipv4: 32, ipv6: 128 } as const;

/** Without zeros in front: what takes them reads `010.0.0.1` as 10.0.0.1 or as 8.0.0.1, each to its taste. */
const OCTET = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);
const GROUP = /^[0-9a-fA-F]{1,4}$/;
const GROUPS = 8;
/** `::ffff:0:0/96`: addresses of IPv4 as a socket of IPv6 has them (RFC 4291 §2.5.5.2). */
const MAPPED = 0xffffn;

/** `undefined` for everything that is not exactly an address: other spellings of numbers, zones, blanks, names. */
export function parseIpAddress(text: string): IpAddress | undefined {
  const ipv4 = ipv4Bits(text);
  if (ipv4 !== undefined) return ipAddress('ipv4', ipv4);
  const ipv6 = ipv6Bits(text);
  return ipv6 === undefined ? undefined : ipAddress('ipv6', ipv6);
}

export function ipAddress(family: IpAddress['family'], bits: bigint): IpAddress {
  return { family, bits, text: family === 'ipv4' ? ipv4Text(bits) : ipv6Text(bits) };
}

/** The address of IPv4 that one of IPv6 stands for; every other address as it is. */
export function withoutMapping(address: IpAddress): IpAddress {
  const isMapped = address.family === 'ipv6' && address.bits >> 32n === MAPPED;
  return isMapped ? ipAddress('ipv4', address.bits & 0xffff_ffffn) : address;
}

function ipv4Bits(text: string): bigint | undefined {
  const octets = IPV4.exec(text)?.slice(1);
  return octets?.reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);
}

function ipv6Bits(text: string): bigint | undefined {
  const last = text.lastIndexOf(':') + 1;
  if (last === 0) return undefined;
  const dotted = ipv4Bits(text.slice(last));
  const inGroups =
    dotted === undefined
      ? text
      : `${text.slice(0, last)}${(dotted >> 16n).toString(16)}:${(dotted & 0xffffn).toString(16)}`;
  const [head = '', tail, ...more] = inGroups.split('::');
  if (more.length > 0) return undefined;
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const left = GROUPS - front.length - back.length;
  if (tail === undefined ? left !== 0 : left < 1) return undefined;
  const groups = [...front, ...Array<string>(left).fill('0'), ...back];
  if (!groups.every((group) => GROUP.test(group))) return undefined;
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function groupsOf(half: string): string[] {
  return half === '' ? [] : half.split(':');
}

function ipv4Text(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 0xffn).join('.');
}

function ipv6Text(bits: bigint): string {
  const groups = Array.from({ length: GROUPS }, (_, index) =>
    ((bits >> BigInt(16 * (GROUPS - 1 - index))) & 0xffffn).toString(16),
  );
  const zeros = longestZeros(groups);
  if (zeros === undefined) return groups.join(':');
  return `${groups.slice(0, zeros.start).join(':')}::${groups.slice(zeros.end).join(':')}`;
}

/** The first of the longest runs, of two groups at least. */
function longestZeros(groups: readonly string[]): { start: number; end: number } | undefined {
  let longest: { start: number; end: number } | undefined;
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === '0') end++;
    if (end - start >= 2 && (longest === undefined || end - start > longest.end - longest.start))
      longest = { start, end };
  }
  return longest;
}
