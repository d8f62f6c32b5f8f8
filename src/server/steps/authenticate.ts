import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';
import { clientCertificate } from '../tls/client_certificate.ts';

/** Who is it? At once when the access token was seen a short while ago. */
export function authenticate(exchange: Exchange, { authenticator }: Parts): void | Promise<void> {
  const certificate = clientCertificate(exchange.incoming.socket);
  const principal = authenticator.authenticate(exchange.accessToken ?? '', certificate);
  if (!(principal instanceof Promise)) {
    exchange.principal = principal;
    return undefined;
  }
  return principal.then((verified) => {
    exchange.principal = verified;
  });
}
