import type { Configuration } from './settings.ts';

/** The names that the server goes by. */
export interface HostNames {
  readonly pool: string;
  readonly login: string;
  /** What its certificate must be good for. */
  readonly all: readonly string[];
}

export function hostNames({ domain, hsm, loginHost }: Configuration): HostNames {
  const pool = `${hsm.name}.${domain}`;
  const login = loginHost ?? `login.${parentOf(domain)}`;
  return { pool, login, all: [pool, `*.${domain}`, login, 'localhost', '127.0.0.1', '::1'] };
}

/** `managedhsm.localhost` is in `localhost`. */
function parentOf(domain: string): string {
  return domain.slice(domain.indexOf('.') + 1);
}

/** `https://name:port`, the port left out where it is the usual one. */
export function originOf(name: string, port: number): string {
  return port === 443 ? `https://${name}` : `https://${name}:${port}`;
}
