import type { AddressRange } from '../model/address_range.ts';
import type { IpAddress } from '../model/ip_address.ts';

/** From where the service may be called, as the operator has it (docs/firewall.md). */
export interface NetworkRules {
  /** `false`: through private endpoints alone, whatever the rules below say. */
  readonly isPublic: boolean;
  /** For callers on public networks whom no rule names. */
  readonly defaultAction: 'Allow' | 'Deny';
  /** Whether trusted services are let in from everywhere. */
  readonly bypass: 'AzureServices' | 'None';
  readonly ipRules: readonly AddressRange[];
  /** Names of the virtual networks that are let in. */
  readonly virtualNetworkRules: readonly string[];
  readonly virtualNetworks: readonly VirtualNetwork[];
  /** Object ids. */
  readonly trustedServices: readonly string[];
}

/** A network that is known by where its traffic comes out: at a proxy, or at an address of this machine. */
export interface VirtualNetwork {
  readonly name: string;
  /** Proxies that speak for its callers. */
  readonly proxies: readonly AddressRange[];
  /** Addresses of this machine that lie in it. */
  readonly localAddresses: readonly IpAddress[];
  /** Its own addresses; all of them when absent. */
  readonly sources: readonly AddressRange[] | undefined;
}

/** Azure's default: everybody may call. */
export const ALL_NETWORKS: NetworkRules = {
  isPublic: true,
  defaultAction: 'Allow',
  bypass: 'AzureServices',
  ipRules: [],
  virtualNetworkRules: [],
  virtualNetworks: [],
  trustedServices: [],
};
