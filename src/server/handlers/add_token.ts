import type { Call } from '../route.ts';
import { tokenTarget } from '../token_target.ts';
import { tokenBody } from '../wire/token.ts';

/** Nothing of how it is reached is in the request: that is the configuration's to say. */
export async function addToken(call: Call): Promise<string> {
  return tokenBody(await call.parts.tokens.add(tokenTarget(call)));
}
