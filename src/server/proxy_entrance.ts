import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { AddressSet } from '../access/address_set.ts';
import type { ConnectionOrigin } from '../access/connection_origin.ts';
import type { AddressRange } from '../model/address_range.ts';
import { LIMITS } from '../model/limits.ts';
import { directOrigin } from './connection_origins.ts';
import { type ProxyHeader, ProxyHeaderError, parseProxyHeader } from './proxy_header.ts';

export interface ProxyTrust {
  /** Proxies whose word is taken. Nobody else is listened to. */
  readonly trustedProxies: readonly AddressRange[];
  readonly onRefused: (peer: string, reason: string, isTrusted: boolean) => void;
}

/**
 * Has every connection of a server begin with a header of the PROXY protocol, in front of TLS. Gives what tells the origin of a socket that
 * has come through.
 */
export function takeProxyHeaders(
  server: HttpsServer,
  { trustedProxies, onRefused }: ProxyTrust,
): (socket: Socket) => ConnectionOrigin | undefined {
  const trusted = new AddressSet(trustedProxies);
  const open = new Map<string, ConnectionOrigin>();
  // TLS begins where this listener is called: so it is called when the header has been taken off, and not before.
  const [startTls] = server.rawListeners('connection');
  if (startTls === undefined) throw new TypeError('The server does not take connections.');
  server.removeListener('connection', startTls as (socket: Socket) => void);
  server.on('connection', (socket: Socket) => {
    const peer = directOrigin(socket, 'public');
    const isTrusted = peer.address !== undefined && trusted.has(peer.address);
    const refuse = (reason: string) => {
      socket.destroy();
      onRefused(peer.address?.text ?? '', reason, isTrusted);
    };
    socket.on('error', () => socket.destroy());
    if (!isTrusted) {
      refuse('not a trusted proxy');
      return;
    }
    takeHeader(socket, refuse, ({ source }) => {
      const key = keyOf(socket);
      const origin =
        source === undefined ? peer : { ...peer, address: source, proxy: peer.address, localAddress: undefined };
      open.set(key, origin);
      socket.once('close', () => open.get(key) === origin && open.delete(key));
      startTls.call(server, socket);
    });
  });
  return (socket) => open.get(keyOf(socket));
}

/** Both ends of the connection: no two that are open have the same, and the socket of TLS has them as well as the one beneath. */
function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** Calls one of the two, unless the connection ends before. */
function takeHeader(socket: Socket, refuse: (reason: string) => void, taken: (header: ProxyHeader) => void): void {
  let received = Buffer.alloc(0);
  const settle = (act: () => void) => {
    clearTimeout(deadline);
    socket.off('readable', read);
    socket.off('end', ended);
    socket.off('close', closed);
    act();
  };
  // A proxy that looks whether somebody is there connects, and goes.
  const ended = () => settle(() => (received.length === 0 ? socket.destroy() : refuse('no whole header')));
  const closed = () => settle(() => undefined);
  const read = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) received = Buffer.concat([received, chunk]);
    try {
      const header = parseProxyHeader(received);
      if (header === undefined) return;
      settle(() => {
        // What lies in the socket's buffer is the first that TLS takes.
        if (received.length > header.length) socket.unshift(received.subarray(header.length));
        taken(header);
      });
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error;
      settle(() => refuse(error.message));
    }
  };
  const deadline = setTimeout(() => settle(() => refuse('no whole header in time')), LIMITS.proxyHeaderTimeoutMs);
  socket.on('readable', read);
  socket.on('end', ended);
  socket.on('close', closed);
}
