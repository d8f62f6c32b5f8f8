import type { Call } from '../route.ts';
import { tokenTarget } from '../token_target.ts';
import { tokenBody } from '../wire/token.ts';

export async function drainToken(call: Call): Promise<string> {
  return tokenBody(await call.parts.tokens.drain(tokenTarget(call)));
}
