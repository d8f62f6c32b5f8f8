import type { Call } from '../route.ts';
import { tokenTarget } from '../token_target.ts';
import { tokenBody } from '../wire/token.ts';

export async function getToken(call: Call): Promise<string> {
  return tokenBody(call.parts.tokens.get(tokenTarget(call)));
}
