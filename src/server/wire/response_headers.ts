import type { ConnectionOrigin } from '../../access/connection_origin.ts';
import type { NetworkVerdict } from '../../access/firewall.ts';

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
  readonly origin: ConnectionOrigin;
  /** Absent where the firewall was not asked. */
  readonly network: NetworkVerdict | undefined;
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
  { requestId, latencyMs, contentLength, origin, network }: ResponseFacts,
): string[] {
  const list = fixed.concat(
    'x-ms-request-id',
    requestId,
    'x-ms-server-latency',
    String(Math.round(latencyMs)),
    'x-ms-keyvault-network-info',
    networkText(origin, network),
    'content-length',
    String(contentLength),
  );
  if (contentLength === undefined) list.length -= 2;
  return list;
}

const FAMILIES = { ipv4: 'Ipv4', ipv6: 'Ipv6' } as const;

/** How the caller came, its address, and the family of the socket, which may be another one than the address has. */
function networkText(
  { entrance, address, socketFamily }: ConnectionOrigin,
  network: NetworkVerdict | undefined,
): string {
  let way: string = FAMILIES[address?.family ?? socketFamily];
  if (entrance === 'private') way = 'PrivateLink';
  else if (network?.criterion === 'virtualNetwork') way = `Subnet;subnet=${network.virtualNetwork}`;
  return `conn_type=${way};addr=${address?.text ?? ''};act_addr_fam=${FAMILIES[socketFamily]};`;
}
