import type { IpAddress } from '../model/ip_address.ts';

/** Where a connection comes from, as the network tells it and nobody else: no header of a request has a part in it. */
export interface ConnectionOrigin {
  /** What it arrived at: the listener that everybody may reach, or one that a private link leads to. */
  readonly entrance: 'public' | 'private';
  /** The caller's: that of the peer, or the one that a trusted proxy names. A socket that is gone has none. */
  readonly address: IpAddress | undefined;
  /** The trusted proxy that named it. */
  readonly proxy: IpAddress | undefined;
  /** Of this machine, where the caller itself arrived. */
  readonly localAddress: IpAddress | undefined;
  /** Of the socket, which for a caller over IPv4 may be one of IPv6. */
  readonly socketFamily: IpAddress['family'];
}
