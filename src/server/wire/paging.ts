import type { PageRequest } from '../../engine/requests.ts';
import { badParameter } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { decodeBase64url } from './base64url.ts';

type Query = Readonly<Record<string, unknown>>;
/** Gives the text back when it is what items of this list are named by. @throws StrongroomError `BadParameter` */
export type RequireMark = (mark: unknown, parameter: string) => string;

const DIGITS = /^[0-9]{1,2}$/;

/** Which part of a list a request asks for (Azure API §1.7). @throws StrongroomError `BadParameter` */
export function readPage({ maxresults, $skiptoken }: Query, requireMark: RequireMark): PageRequest {
  return { limit: readLimit(maxresults), after: readSkipToken($skiptoken, requireMark) };
}

function readLimit(text: unknown): number {
  if (text === undefined) return LIMITS.pageItems;
  const limit = typeof text === 'string' && DIGITS.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > LIMITS.pageItems)
    throw badParameter('maxresults', `an integer from 1 to ${LIMITS.pageItems}`, text);
  return limit;
}

const SKIP_TOKEN = '$skiptoken';

/** Says nothing that is not known, but anybody may have made it: so what is in it is looked at like any other input. */
function readSkipToken(text: unknown, requireMark: RequireMark): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== 'string') throw badParameter(SKIP_TOKEN, 'the token of a nextLink', text);
  let token: unknown;
  try {
    token = JSON.parse(decodeBase64url(SKIP_TOKEN, text).toString('utf8'));
  } catch {
    throw badParameter(SKIP_TOKEN, 'the token of a nextLink', text);
  }
  return requireMark((token as { after?: unknown } | null)?.after, SKIP_TOKEN);
}

const WITH_PORT = /:[0-9]+$/;

/**
 * Where the list goes on, or null at its end. The port is named even when it is 443, as Azure does it (Azure API §1.2, 9).
 * `query` has passed the steps before: its api-version is one that is known.
 */
export function nextLink(
  authority: string,
  path: string,
  query: Query,
  { limit }: PageRequest,
  next: string | undefined,
): string | null {
  if (next === undefined) return null;
  const host = WITH_PORT.test(authority) ? authority : `${authority}:443`;
  const token = Buffer.from(JSON.stringify({ after: next }), 'utf8').toString('base64url');
  return `https://${host}${path}?api-version=${String(query['api-version'])}&${SKIP_TOKEN}=${token}&maxresults=${limit}`;
}
