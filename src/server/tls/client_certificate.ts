import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** A connection's certificate does not change: there is no renegotiation. */
const known = new WeakMap<Socket, { readonly thumbprint: string | undefined }>();

/**
 * SHA-256 of the certificate that the client has shown, as access tokens name it (RFC 8705 §3.1). `undefined` where it has shown none, or
 * none that the authorities for clients vouch for.
 */
export function clientCertificate(socket: Socket): string | undefined {
  const found = known.get(socket);
  if (found !== undefined) return found.thumbprint;
  const thumbprint = readThumbprint(socket);
  known.set(socket, { thumbprint });
  return thumbprint;
}

/** Both: nothing was wrong when it was verified, and there is one. A session that is resumed keeps what it was begun with. */
function readThumbprint(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? undefined : createHash('sha256').update(certificate.raw).digest('base64url');
}
