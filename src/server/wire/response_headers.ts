/** Headers that are the same on every response (Azure API §1.3), names and values in turn, as `writeHead` takes them cheapest. */
const FIXED: readonly string[] = [
  'content-type',
  'application/json; charset=utf-8',
  'cache-control',
  'no-cache',
  'x-content-type-options',
  'nosniff',
  'x-frame-options',
  'SAMEORIGIN',
  'strict-transport-security',
  'max-age=31536000; includeSubDomains',
  'content-security-policy',
  "default-src 'self'",
];

export interface ResponseFacts {
  readonly requestId: string;
  /** Time inside the service so far. */
  readonly latencyMs: number;
  /** Of an answer that has a body: a 204 says nothing of its length (RFC 9110 §8.6). */
  readonly contentLength: number | undefined;
  readonly remoteAddress: string | undefined;
}

export class ResponseHeaders {
  readonly #known: readonly string[];
  readonly #unauthorized: readonly string[];

  constructor(region: string, buildVersion: string) {
    this.#unauthorized = [...FIXED, 'x-ms-build-version', buildVersion];
    this.#known = [...this.#unauthorized, 'x-ms-keyvault-region', region];
  }

  /** A new list, for more to be added to. */
  of(facts: ResponseFacts): string[] {
    return variable(this.#known, facts);
  }

  /** The region is no business of somebody unknown. */
  ofUnauthorized(facts: ResponseFacts): string[] {
    return variable(this.#unauthorized, facts);
  }
}

function variable(
  fixed: readonly string[],
  { requestId, latencyMs, contentLength, remoteAddress }: ResponseFacts,
): string[] {
  const list = fixed.concat(
    'x-ms-request-id',
    requestId,
    'x-ms-server-latency',
    String(Math.round(latencyMs)),
    'x-ms-keyvault-network-info',
    networkInfo(remoteAddress),
    'content-length',
    String(contentLength),
  );
  if (contentLength === undefined) list.length -= 2;
  return list;
}

const MAPPED_IPV4 = '::ffff:';

function networkInfo(address: string | undefined): string {
  if (address === undefined) return 'conn_type=Ipv4;addr=;act_addr_fam=Ipv4;';
  if (!address.includes(':')) return `conn_type=Ipv4;addr=${address};act_addr_fam=Ipv4;`;
  if (address.startsWith(MAPPED_IPV4))
    return `conn_type=Ipv4;addr=${address.slice(MAPPED_IPV4.length)};act_addr_fam=Ipv6;`;
  return `conn_type=Ipv6;addr=${address};act_addr_fam=Ipv6;`;
}
