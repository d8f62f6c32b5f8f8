import { readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { badParameter } from '../model/errors.ts';

/** Where a database is, and whether the way there is encrypted. */
export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly database: string;
  readonly ssl: ConnectionOptions | false;
}

const WHAT = 'the address of the database';
const DEFAULT_PORT = 5432;
const QUERY_PARAMETERS: ReadonlySet<string> = new Set(['sslmode', 'sslrootcert']);
const CHECKED_MODES: ReadonlySet<string> = new Set(['require', 'verify-ca', 'verify-full']);

/**
 * Reads `postgres://user@host:port/database`, with `sslmode` and `sslrootcert` as libpq has them. What leaves the machine is encrypted, and the
 * server's certificate and name are checked, unless `sslmode=disable` says otherwise. A password is not taken from here: addresses end up in logs.
 * A host in percent-encoding that begins with a slash is the directory of a socket.
 * @throws StrongroomError `BadParameter`
 */
export function postgresAddress(url: string): PostgresAddress {
  const parsed = parse(url);
  if (parsed.password !== '') throw badParameter(WHAT, 'no password', 'one with a password');
  for (const name of parsed.searchParams.keys()) {
    if (!QUERY_PARAMETERS.has(name)) throw badParameter(WHAT, [...QUERY_PARAMETERS].join(' and '), name);
  }
  const host = decodeURIComponent(parsed.hostname).replace(/^\[(.*)\]$/, '$1');
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (host === '' || database === '' || database.includes('/')) throw badParameter(WHAT, 'a host and a database', url);
  return {
    host,
    port: parsed.port === '' ? DEFAULT_PORT : Number(parsed.port),
    user: parsed.username === '' ? undefined : decodeURIComponent(parsed.username),
    database,
    ssl: encryption(host, parsed.searchParams),
  };
}

function parse(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(?:ql)?:$/.test(parsed.protocol)) {
    // Not quoted: who writes it wrongly may have written a password into it.
    throw badParameter(WHAT, 'postgres://user@host:port/database', 'something else');
  }
  return parsed;
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
