import { readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { badParameter } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';

/** Where a server of the database is, and whether the way there is encrypted. */
export interface PostgresHost {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | false;
}

/** Where a database is. */
export interface PostgresAddress {
  /** One of them takes changes; the others stand by. */
  readonly hosts: readonly PostgresHost[];
  readonly user: string | undefined;
  readonly database: string;
}

const WHAT = 'the address of the database';
const DEFAULT_PORT = 5432;
const QUERY_PARAMETERS: ReadonlySet<string> = new Set(['sslmode', 'sslrootcert', 'target_session_attrs']);
const CHECKED_MODES: ReadonlySet<string> = new Set(['require', 'verify-ca', 'verify-full']);
const PARTS = /^(?<scheme>postgres(?:ql)?:\/\/)(?<caller>(?:[^/?#]*@)?)(?<hosts>[^/?#]*)(?<rest>.*)$/su;

/**
 * Reads `postgres://user@host:port/database`, with `sslmode` and `sslrootcert` as libpq has them, and several hosts with commas between them.
 * What leaves the machine is encrypted, and the server's certificate and name are checked, unless `sslmode=disable` says otherwise. A password
 * is not taken from here: addresses end up in logs. A host in percent-encoding that begins with a slash is the directory of a socket.
 * @throws StrongroomError `BadParameter`
 */
export function postgresAddress(url: string): PostgresAddress {
  const [first, ...others] = parse(url);
  if (first.password !== '') throw badParameter(WHAT, 'no password', 'one with a password');
  for (const name of first.searchParams.keys()) {
    if (!QUERY_PARAMETERS.has(name)) throw badParameter(WHAT, [...QUERY_PARAMETERS].join(', '), name);
  }
  const wanted = first.searchParams.get('target_session_attrs');
  if (wanted !== null && wanted !== 'read-write') throw badParameter('target_session_attrs', 'read-write', wanted);
  const database = decodeURIComponent(first.pathname.slice(1));
  if (database === '' || database.includes('/')) throw badParameter(WHAT, 'a host and a database', url);
  return {
    hosts: different([first, ...others].map((each) => hostOf(each, url))),
    user: first.username === '' ? undefined : decodeURIComponent(first.username),
    database,
  };
}

/** How a host is named where people read it. */
export function nameOfHost({ host, port }: PostgresHost): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address for each host, with everything else in it. */
function parse(url: string): [URL, ...URL[]] {
  const { scheme, caller, hosts = '', rest } = PARTS.exec(url)?.groups ?? {};
  const parsed = hosts.split(',').map((host) => URL.parse(`${scheme}${caller}${host}${rest}`));
  if (scheme === undefined || parsed.includes(null)) {
    // Not quoted: who writes it wrongly may have written a password into it.
    throw badParameter(WHAT, 'postgres://user@host:port/database, or several host:port with commas', 'something else');
  }
  return parsed as [URL, ...URL[]];
}

function hostOf(parsed: URL, url: string): PostgresHost {
  const host = decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
  if (host === '') throw badParameter(WHAT, 'a host and a database', url);
  return {
    host,
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    ssl: encryption(host, parsed.searchParams),
  };
}

function different(hosts: readonly PostgresHost[]): readonly PostgresHost[] {
  if (hosts.length > LIMITS.storeHosts) throw badParameter(WHAT, `at most ${LIMITS.storeHosts} hosts`, hosts.length);
  const names = hosts.map(nameOfHost);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw badParameter(WHAT, 'hosts that differ', `${twice} twice`);
  return hosts;
}

function encryption(host: string, query: URLSearchParams): ConnectionOptions | false {
  const mode = query.get('sslmode') ?? (staysHere(host) ? 'disable' : 'verify-full');
  if (mode === 'disable') return false;
  if (!CHECKED_MODES.has(mode)) throw badParameter('sslmode', `disable or ${[...CHECKED_MODES].join(', ')}`, mode);
  const authority = query.get('sslrootcert');
  return { rejectUnauthorized: true, ...(authority !== null && { ca: readAuthority(authority) }) };
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw badParameter('sslrootcert', 'a file that can be read', path);
  }
}

function staysHere(host: string): boolean {
  return (
    host.startsWith('/') ||
    host === 'localhost' ||
    (isIPv4(host) && host.startsWith('127.')) ||
    (isIPv6(host) && host === '::1')
  );
}
