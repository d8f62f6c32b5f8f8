import type { ConnectionOrigin } from '../../src/access/connection_origin.ts';
import { Firewall, type NetworkCriterion } from '../../src/access/firewall.ts';
import { parseNetworkRules } from '../../src/access/network_rules_file.ts';
import { type IpAddress, parseIpAddress, withoutMapping } from '../../src/model/ip_address.ts';
import { campaign } from '../campaigns/campaign.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';

const CALLERS = 100;

/** An address as the digits of its bits, and what it is compared by: nothing of how the firewall does it. */
type Bits = string;

interface BitRange {
  readonly bits: Bits;
  readonly prefix: number;
}

interface BitNetwork {
  readonly name: string;
  readonly isAllowed: boolean;
  readonly proxies: readonly BitRange[];
  readonly localAddresses: readonly Bits[];
  readonly sources: readonly BitRange[] | undefined;
}

interface BitRules {
  readonly isPublic: boolean;
  readonly isOpen: boolean;
  readonly addresses: readonly BitRange[];
  readonly networks: readonly BitNetwork[];
}

interface BitOrigin {
  readonly isPrivate: boolean;
  readonly address: Bits;
  readonly proxy: Bits | undefined;
  readonly local: Bits;
}

const MAPPED = '0'.repeat(80) + '1'.repeat(16);

/** The criteria one after the other, bit for bit. */
function expected(rules: BitRules, origin: BitOrigin): NetworkCriterion | undefined {
  const isIn = (address: Bits, ranges: readonly BitRange[]) =>
    ranges.some(({ bits, prefix }) => {
      if (bits.length !== address.length) return false;
      for (let place = 0; place < prefix; place++) if (bits[place] !== address[place]) return false;
      return true;
    });
  if (origin.isPrivate) return 'privateEndpoint';
  if (!rules.isPublic) return undefined;
  if (rules.isOpen) return 'allNetworks';
  for (const { isAllowed, proxies, localAddresses, sources } of rules.networks) {
    const comesOut = origin.proxy === undefined ? localAddresses.includes(origin.local) : isIn(origin.proxy, proxies);
    if (isAllowed && comesOut && (sources === undefined || isIn(origin.address, sources))) return 'virtualNetwork';
  }
  return isIn(origin.address, rules.addresses) ? 'ipRule' : undefined;
}

/** Few addresses, so that they meet. */
class RulesMaker {
  readonly #random: SeededRandom;
  /** Of these rules. */
  readonly #known: Bits[] = [];

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  #fresh(): Bits {
    const length = this.#random.chance(0.5) ? 32 : 128;
    let bits = '';
    while (bits.length < length) bits += this.#random.uint32().toString(2).padStart(32, '0');
    return bits.startsWith(MAPPED) ? this.#fresh() : bits;
  }

  /** New, or one that is known but for the bits behind some place. */
  address(): Bits {
    const near = this.#known.length > 0 && this.#random.chance(0.85) ? this.#random.pick(this.#known) : this.#fresh();
    const other = this.#random.integer(0, near.length);
    const flipped = [...near].map((bit, place) => (place === other ? String(1 - Number(bit)) : bit)).join('');
    const bits = this.#random.chance(0.4) ? flipped : near;
    if (this.#known.length < 40) this.#known.push(bits);
    return bits;
  }

  range(): BitRange {
    const address = this.address();
    const prefix = this.#random.chance(0.5)
      ? this.#random.integer(0, address.length)
      : address.length - this.#random.integer(0, 8);
    const bits = address.slice(0, prefix).padEnd(address.length, '0');
    return bits.startsWith(MAPPED) ? this.range() : { bits, prefix };
  }

  list<Item>(most: number, make: () => Item): Item[] {
    return Array.from({ length: this.#random.integer(0, most) }, make);
  }

  rules(): BitRules {
    this.#known.splice(0);
    const network = (name: string): BitNetwork => ({
      name,
      isAllowed: this.#random.chance(0.5),
      proxies: [this.range(), ...this.list(2, () => this.range())],
      localAddresses: this.list(2, () => this.address()),
      sources: this.#random.chance(0.6) ? this.list(3, () => this.range()) : undefined,
    });
    return {
      isPublic: !this.#random.chance(0.05),
      isOpen: this.#random.chance(0.15),
      addresses: this.list(12, () => this.range()),
      networks: ['a', 'b', 'c'].slice(this.#random.integer(0, 3)).map(network),
    };
  }

  origin(): BitOrigin {
    return {
      isPrivate: this.#random.chance(0.03),
      address: this.address(),
      proxy: this.#random.chance(0.4) ? this.address() : undefined,
      local: this.address(),
    };
  }

  /** One of the spellings that there are; on sockets of IPv6 an address of IPv4 comes mapped. */
  spelling(bits: Bits, mayBeMapped: boolean): string {
    if (bits.length === 32) {
      const dotted = octetsOf(bits).join('.');
      return mayBeMapped && this.#random.chance(0.4) ? this.#mapped(bits, dotted) : dotted;
    }
    const groups = groupsOf(bits).map((group) => this.#group(group));
    const zeros = groups.findIndex((group) => /^0+$/.test(group));
    if (zeros === -1 || this.#random.chance(0.3)) return groups.join(':');
    let end = zeros;
    while (/^0+$/.test(groups[end] ?? '') && (end === zeros || this.#random.chance(0.9))) end++;
    return `${groups.slice(0, zeros).join(':')}::${groups.slice(end).join(':')}`;
  }

  #mapped(bits: Bits, dotted: string): string {
    return this.#random.chance(0.5) ? `::ffff:${dotted}` : `0:0:0::FFFF:${groupsOf(bits).join(':')}`;
  }

  #group(group: string): string {
    const written = this.#random.chance(0.3) ? group.padStart(4, '0') : group;
    return this.#random.chance(0.3) ? written.toUpperCase() : written;
  }

  text(rules: BitRules): string {
    const range = ({ bits, prefix }: BitRange) => {
      const isWhole = prefix === bits.length && this.#random.chance(0.5);
      return `${this.spelling(bits, false)}${isWhole ? '' : `/${prefix}`}`;
    };
    return JSON.stringify({
      publicNetworkAccess: rules.isPublic ? 'Enabled' : 'Disabled',
      networkAcls: {
        defaultAction: rules.isOpen ? 'Allow' : 'Deny',
        ipRules: rules.addresses.map((each) => ({ value: range(each) })),
        virtualNetworkRules: rules.networks.filter(({ isAllowed }) => isAllowed).map(({ name: id }) => ({ id })),
      },
      virtualNetworks: Object.fromEntries(
        rules.networks.map(({ name, proxies, localAddresses, sources }) => [
          name,
          {
            proxies: proxies.map(range),
            localAddresses: localAddresses.map((bits) => this.spelling(bits, false)),
            sources: sources?.map(range),
          },
        ]),
      ),
    });
  }

  read(bits: Bits | undefined): IpAddress | undefined {
    if (bits === undefined) return undefined;
    const address = parseIpAddress(this.spelling(bits, true));
    if (address === undefined) throw new Error(`${bits} is not read`);
    return withoutMapping(address);
  }
}

function octetsOf(bits: Bits): number[] {
  return (bits.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2));
}

function groupsOf(bits: Bits): string[] {
  return (bits.match(/.{16}/g) ?? []).map((group) => Number.parseInt(group, 2).toString(16));
}

campaign('random_rules', (t, run) => {
  const maker = new RulesMaker(run.random);
  const seen = new Map<string, number>();
  for (; run.done < run.count; run.done++) {
    const rules = maker.rules();
    const text = maker.text(rules);
    const firewall = new Firewall(parseNetworkRules(text));
    for (let caller = 0; caller < CALLERS; caller++) {
      const bits = maker.origin();
      const origin: ConnectionOrigin = {
        entrance: bits.isPrivate ? 'private' : 'public',
        address: maker.read(bits.address),
        proxy: maker.read(bits.proxy),
        localAddress: maker.read(bits.local),
        socketFamily: 'ipv6',
      };
      const wanted = expected(rules, bits);
      const { criterion } = firewall.judge(origin);
      if (criterion !== wanted) {
        const from = [origin.address?.text, origin.proxy?.text, origin.localAddress?.text].join(' ');
        run.fail(`${criterion} and not ${wanted}: ${from} by ${text}`);
        return;
      }
      seen.set(String(wanted), (seen.get(String(wanted)) ?? 0) + 1);
    }
  }
  t.log(JSON.stringify(Object.fromEntries(seen)));
  for (const criterion of ['undefined', 'allNetworks', 'virtualNetwork', 'ipRule', 'privateEndpoint']) {
    t.true((seen.get(criterion) ?? 0) > 0, criterion);
  }
});
