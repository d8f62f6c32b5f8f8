import type { Socket } from 'node:net';
import type { ConnectionOrigin } from '../access/connection_origin.ts';
import { type IpAddress, parseIpAddress, withoutMapping } from '../model/ip_address.ts';

/** Of a connection that nothing is known of: no rule for addresses lets it in. */
const NOWHERE: ConnectionOrigin = {
  entrance: 'public',
  address: undefined,
  proxy: undefined,
  localAddress: undefined,
  socketFamily: 'ipv4',
};

const origins = new WeakMap<Socket, ConnectionOrigin>();

/** Where a socket's requests come from, noted once, when its connection is taken. */
export function originOf(socket: Socket): ConnectionOrigin {
  return origins.get(socket) ?? NOWHERE;
}

export function noteOrigin(socket: Socket, origin: ConnectionOrigin = NOWHERE): void {
  origins.set(socket, origin);
}

/** Of a caller that is the peer of the socket. */
export function directOrigin(socket: Socket, entrance: ConnectionOrigin['entrance']): ConnectionOrigin {
  return {
    entrance,
    address: plainAddress(socket.remoteAddress),
    proxy: undefined,
    localAddress: plainAddress(socket.localAddress),
    socketFamily: socket.remoteFamily === 'IPv6' ? 'ipv6' : 'ipv4',
  };
}

/** Without the zone of a link-local address, which says through which card a peer is reached, and not who it is. */
function plainAddress(text: string | undefined): IpAddress | undefined {
  const [withoutZone = ''] = text?.split('%') ?? [];
  const address = parseIpAddress(withoutZone);
  return address === undefined ? undefined : withoutMapping(address);
}
