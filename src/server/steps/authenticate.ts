import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Who is it? At once when the access token was seen a short while ago. */
export function authenticate(exchange: Exchange, { authenticator }: Parts): void | Promise<void> {
  const principal = authenticator.authenticate(exchange.accessToken ?? '');
  if (!(principal instanceof Promise)) {
    exchange.principal = principal;
    return undefined;
  }
  return principal.then((verified) => {
    exchange.principal = verified;
  });
}
