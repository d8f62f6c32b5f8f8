import type { BadToken } from './bad_token.ts';
import { BAD_CLAIMS } from './claims.ts';
import { BAD_FORMS } from './forms.ts';
import { BAD_HEADERS, tokensWithKeys } from './headers.ts';
import { BAD_SIGNATURES } from './signatures.ts';

/** Everything that is no access token, with `url` where a token names a place to fetch from. */
export function badTokens(url: string): readonly BadToken[] {
  return [...BAD_SIGNATURES, ...tokensWithKeys(url), ...BAD_HEADERS, ...BAD_CLAIMS, ...BAD_FORMS];
}
