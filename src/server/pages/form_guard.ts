import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { EntraError } from '../../identity/embedded/entra_error.ts';

/** Of this host alone, over TLS alone, and out of reach of scripts: so nobody else can have set what it holds (RFC 6265bis §4.1.3.2). */
const COOKIE = '__Host-strongroom-form';
const COOKIE_ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600';
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** What a form is sent with, and what the browser is to keep for it. */
export interface GuardedForm {
  readonly token: string;
  readonly cookie: string;
}

/** Gives out a form. A browser that has the cookie keeps it, so that two forms can be open at once. */
export function guardForm(headers: IncomingHttpHeaders, url: string): GuardedForm {
  const secret = readSecret(headers) ?? randomBytes(32).toString('base64url');
  return { token: tokenOf(secret, url), cookie: `${COOKIE}=${secret}; ${COOKIE_ATTRIBUTES}` };
}

/**
 * Takes a form that comes from a page of this server, for the same address. Any server behind one name takes it: the token follows from the
 * cookie, which another site can neither read nor set.
 * @throws EntraError `formForeign`
 */
export function checkForm(headers: IncomingHttpHeaders, origin: string, url: string, token: string | null): void {
  const secret = readSecret(headers);
  const site = headers['sec-fetch-site'];
  const isHere = (headers.origin ?? origin) === origin && (site === undefined || site === 'same-origin');
  if (secret !== undefined && isHere && token !== null && isSame(tokenOf(secret, url), token)) return;
  throw new EntraError('formForeign', 'The form was not sent from its own page, or is too old.');
}

function readSecret({ cookie = '' }: IncomingHttpHeaders): string | undefined {
  const prefix = `${COOKIE}=`;
  const found = cookie.split(/[;,] ?/).filter((each) => each.startsWith(prefix));
  const secret = found[0]?.slice(prefix.length);
  return found.length === 1 && secret !== undefined && SECRET.test(secret) ? secret : undefined;
}

function tokenOf(secret: string, url: string): string {
  return createHash('sha256').update(`${secret} ${url}`).digest('base64url');
}

function isSame(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}
