import { StrongroomError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';
import { clientCertificate } from '../tls/client_certificate.ts';

/**
 * Where clients have to show a certificate, a connection without one gets no further than this. Not in the handshake: which host is asked
 * for is known behind it, and the built-in issuer, on the same address, asks for none.
 */
export function requireCertificate({ incoming }: Exchange, { requiresCertificate }: Parts): void {
  if (!requiresCertificate || clientCertificate(incoming.socket) !== undefined) return;
  throw new StrongroomError('Forbidden', 'The connection has to show a client certificate of a configured authority.', {
    innerCode: 'ClientCertificateRequired',
  });
}
