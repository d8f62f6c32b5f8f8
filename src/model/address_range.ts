import { ADDRESS_BITS, type IpAddress, ipAddress, parseIpAddress, withoutMapping } from './ip_address.ts';

/** Addresses that begin with the same bits (RFC 4632, RFC 4291 §2.3). One address alone is a range too. */
export interface AddressRange {
  readonly first: IpAddress;
  /** How many bits they have in common. */
  readonly prefix: number;
  /** `10.0.0.0/8`; of one address the address. */
  readonly text: string;
}

export type ParsedRange = { readonly range: AddressRange } | { readonly expected: string };

const ANY_SPELLING = 'an IPv4 or IPv6 address, or a range such as 192.0.2.0/24 or 2001:db8::/32';
const PREFIX = /^(?:0|[1-9]\d{0,2})$/;

/**
 * Reads an address or a range in CIDR notation. A text that may mean two things is none of both, and the one that was probably meant is said:
 * bits behind the prefix are a mistake in the address or in the prefix, and nobody knows in which.
 */
export function parseAddressRange(text: unknown): ParsedRange {
  if (typeof text !== 'string') return { expected: ANY_SPELLING };
  const [written = '', length, ...more] = text.split('/');
  const address = parseIpAddress(written);
  if (address === undefined || more.length > 0) return { expected: ANY_SPELLING };
  const bits = ADDRESS_BITS[address.family];
  const prefix = length === undefined ? bits : Number(length);
  if (length !== undefined && (!PREFIX.test(length) || prefix > bits)) {
    return { expected: `${address.text}/N with an N from 0 to ${bits}` };
  }
  const plain = withoutMapping(address);
  if (plain !== address && prefix >= ADDRESS_BITS.ipv6 - ADDRESS_BITS.ipv4) {
    const { text: right } = rangeOf(plain, prefix - ADDRESS_BITS.ipv6 + ADDRESS_BITS.ipv4);
    return { expected: `${right} (callers with IPv4 addresses are judged as such)` };
  }
  const range = rangeOf(address, prefix);
  if (range.first.bits !== address.bits) return { expected: `${range.text} (no bits behind the prefix)` };
  return { range };
}

function rangeOf({ family, bits }: IpAddress, prefix: number): AddressRange {
  const behind = BigInt(ADDRESS_BITS[family] - prefix);
  const first = ipAddress(family, (bits >> behind) << behind);
  return { first, prefix, text: behind === 0n ? first.text : `${first.text}/${prefix}` };
}
