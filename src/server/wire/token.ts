import type { OperatedToken } from '../token_service.ts';

/** Ours: Azure has nothing like it. What is not known is absent. */
export function tokenBody(token: OperatedToken): string {
  return JSON.stringify(token);
}

export function tokenList(tokens: readonly OperatedToken[]): string {
  return JSON.stringify({ tokens });
}
