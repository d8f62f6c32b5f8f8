import type { ConfigurationProblem } from './configuration_error.ts';
import type { ListenAddress } from './setting.ts';
import type { Configuration } from './settings.ts';

const ANY_IPV4 = '0.0.0.0';
const ANY = '::';

/** Addresses that two kinds of listeners would have in common: the system gives them to one alone, and they do not mean the same. */
export function listenerOverlaps({ listen, network, identity }: Configuration): ConfigurationProblem[] {
  const kinds: readonly [path: string, addresses: readonly ListenAddress[] | undefined][] = [
    ['listen', listen],
    ['network.privateListen', network.privateListen],
    ['network.proxyListen', network.proxyListen],
    ['identity.managedIdentityListen', identity.managedIdentityListen],
  ];
  return kinds.flatMap(([path, addresses = []], place) =>
    kinds
      .slice(0, place)
      .filter(([, others = []]) => others.some((other) => addresses.some((address) => overlap(address, other))))
      .map(([other]) => ({ path, message: `Expected other addresses or ports than those of ${other}.` })),
  );
}

function overlap(one: ListenAddress, other: ListenAddress): boolean {
  return one.port === other.port && (covers(one.host, other.host) || covers(other.host, one.host));
}

/** `::` takes what comes over IPv4 as well. */
function covers(host: string, other: string): boolean {
  return host === other || host === ANY || (host === ANY_IPV4 && !other.includes(':'));
}
