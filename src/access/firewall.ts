import type { SecurityPrincipal } from '../model/principal.ts';
import { AddressSet } from './address_set.ts';
import type { ConnectionOrigin } from './connection_origin.ts';
import type { NetworkRules, VirtualNetwork } from './network_rules.ts';

/** What lets a request in (Azure API §5.1). One is enough. */
export type NetworkCriterion = 'privateEndpoint' | 'allNetworks' | 'virtualNetwork' | 'ipRule' | 'trustedService';

export interface NetworkVerdict {
  /** Absent when nothing of what the network tells lets the caller in. */
  readonly criterion: NetworkCriterion | undefined;
  /** Where the caller is, let in for that or not. */
  readonly virtualNetwork: string | undefined;
}

interface KnownNetwork {
  readonly name: string;
  readonly isAllowed: boolean;
  readonly proxies: AddressSet;
  readonly localAddresses: ReadonlySet<string>;
  readonly sources: AddressSet | undefined;
}

/** From where? One set of rules, made ready for decisions. Other rules are another firewall. */
export class Firewall {
  readonly rules: NetworkRules;
  readonly #addresses: AddressSet;
  readonly #networks: readonly KnownNetwork[];
  readonly #trusted: ReadonlySet<string>;
  /** A connection comes from where it comes from, and carries many requests. */
  readonly #verdicts = new WeakMap<ConnectionOrigin, NetworkVerdict>();

  constructor(rules: NetworkRules) {
    this.rules = rules;
    this.#addresses = new AddressSet(rules.ipRules);
    const allowed = new Set(rules.virtualNetworkRules);
    this.#networks = rules.virtualNetworks.map((network) => knownNetwork(network, allowed));
    this.#trusted = new Set(rules.bypass === 'AzureServices' ? rules.trustedServices : []);
  }

  judge(origin: ConnectionOrigin): NetworkVerdict {
    const known = this.#verdicts.get(origin);
    if (known !== undefined) return known;
    const inside = this.#networks.filter((network) => liesIn(origin, network));
    const network = inside.find(({ isAllowed }) => isAllowed) ?? inside[0];
    const verdict = { criterion: this.#criterion(origin, network), virtualNetwork: network?.name };
    this.#verdicts.set(origin, verdict);
    return verdict;
  }

  /** Whether there is anybody whom it lets in from everywhere. */
  get trustsServices(): boolean {
    return this.#trusted.size > 0;
  }

  trusts({ objectId }: Pick<SecurityPrincipal, 'objectId'>): boolean {
    return this.#trusted.has(objectId);
  }

  #criterion({ entrance, address }: ConnectionOrigin, network: KnownNetwork | undefined): NetworkVerdict['criterion'] {
    if (entrance === 'private') return 'privateEndpoint';
    if (!this.rules.isPublic) return undefined;
    if (this.rules.defaultAction === 'Allow') return 'allNetworks';
    if (network?.isAllowed) return 'virtualNetwork';
    return address !== undefined && this.#addresses.has(address) ? 'ipRule' : undefined;
  }
}

function knownNetwork(network: VirtualNetwork, allowed: ReadonlySet<string>): KnownNetwork {
  const { name, proxies, localAddresses, sources } = network;
  return {
    name,
    isAllowed: allowed.has(name),
    proxies: new AddressSet(proxies),
    localAddresses: new Set(localAddresses.map(({ text }) => text)),
    sources: sources === undefined ? undefined : new AddressSet(sources),
  };
}

/** Private networks share their addresses: so it is where the traffic comes out that tells one from the other, and only then who sent it. */
function liesIn({ address, proxy, localAddress }: ConnectionOrigin, network: KnownNetwork): boolean {
  const comesOut =
    proxy === undefined
      ? localAddress !== undefined && network.localAddresses.has(localAddress.text)
      : network.proxies.has(proxy);
  if (!comesOut) return false;
  return network.sources === undefined || (address !== undefined && network.sources.has(address));
}
