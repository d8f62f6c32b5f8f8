import type { Call } from '../route.ts';
import { tokenList } from '../wire/token.ts';

export async function listTokens({ parts }: Call): Promise<string> {
  return tokenList(parts.tokens.list());
}
