import { LIMITS } from '../model/limits.ts';

/** What the Host header of a request stands for. */
export interface Host {
  readonly kind: 'pool' | 'issuer' | 'unknown';
  /** Host and port as they stand in key identifiers. */
  readonly authority: string;
  /** The whole value of WWW-Authenticate. */
  readonly challenge: string;
}

export interface HostOptions {
  readonly hsmName: string;
  readonly domain: string;
  readonly issuer: AnnouncedIssuer;
  /** The port to name to a caller whose Host header is none of ours. */
  readonly port: number;
}

/** Who the challenge sends clients to: the built-in issuer, at the port that the client has come by, or another one. */
export type AnnouncedIssuer =
  | { readonly kind: 'embedded'; readonly host: string; readonly tenantId: string }
  | { readonly kind: 'configured'; readonly authorization: string };

const AUTHORITY = /^(\[[0-9a-f:.]{2,45}\]|[0-9a-z.-]{1,253})(?::(\d{1,5}))?$/;
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Tells hosts apart. Clients verify that the host they called ends with the resource that the challenge names, some with the port and some
 * without: so the resource is the pool's domain with the port of the request (Azure API §1.4). `localhost` has no label to drop; there the
 * same resource is announced, and clients that verify must be told not to. Nothing of a foreign Host header is ever repeated.
 */
export class Hosts {
  readonly #options: HostOptions;
  readonly #poolNames: ReadonlySet<string>;
  readonly #resolved = new Map<string, Host>();
  readonly #fallback: Host;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#poolNames = new Set([`${options.hsmName}.${options.domain}`, ...LOOPBACK_NAMES]);
    this.#fallback = this.#describe(
      'unknown',
      `${options.hsmName}.${options.domain}`,
      portSuffix(String(options.port)),
    );
  }

  resolve(header: string | undefined): Host {
    if (header === undefined) return this.#fallback;
    const known = this.#resolved.get(header);
    if (known !== undefined) return known;
    const host = this.#parse(header);
    if (host.kind !== 'unknown' && this.#resolved.size < LIMITS.hostNamesCached) this.#resolved.set(header, host);
    return host;
  }

  #parse(header: string): Host {
    const [, name, port] = AUTHORITY.exec(header.toLowerCase()) ?? [];
    if (name === undefined) return this.#fallback;
    if (this.#poolNames.has(name)) return this.#describe('pool', name, portSuffix(port));
    const { issuer } = this.#options;
    if (issuer.kind === 'embedded' && name === issuer.host) return this.#describe('issuer', name, portSuffix(port));
    return this.#fallback;
  }

  #describe(kind: Host['kind'], name: string, port: string): Host {
    const { domain, issuer } = this.#options;
    const authorization =
      issuer.kind === 'embedded' ? `https://${issuer.host}${port}/${issuer.tenantId}` : issuer.authorization;
    return {
      kind,
      authority: `${name}${port}`,
      challenge: `Bearer authorization="${authorization}", resource="https://${domain}${port}"`,
    };
  }
}

function portSuffix(port: string | undefined): string {
  return port === undefined || port === '443' ? '' : `:${port}`;
}
