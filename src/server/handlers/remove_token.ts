import type { Call } from '../route.ts';
import { readLeaveKeys, tokenTarget } from '../token_target.ts';
import { tokenBody } from '../wire/token.ts';

export async function removeToken(call: Call): Promise<string> {
  return tokenBody(await call.parts.tokens.remove(tokenTarget(call), readLeaveKeys(call)));
}
