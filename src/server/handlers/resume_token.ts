import type { Call } from '../route.ts';
import { tokenTarget } from '../token_target.ts';
import { tokenBody } from '../wire/token.ts';

export async function resumeToken(call: Call): Promise<string> {
  return tokenBody(await call.parts.tokens.resume(tokenTarget(call)));
}
