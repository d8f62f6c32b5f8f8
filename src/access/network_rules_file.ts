import { readFile } from 'node:fs/promises';
import { type AddressRange, parseAddressRange } from '../model/address_range.ts';
import { StrongroomError } from '../model/errors.ts';
import { type IpAddress, parseIpAddress } from '../model/ip_address.ts';
import { LIMITS } from '../model/limits.ts';
import { parseStrictJson } from '../model/strict_json.ts';
import { ALL_NETWORKS, type NetworkRules, type VirtualNetwork } from './network_rules.ts';

export interface NetworkRulesProblem {
  /** Of the member: `networkAcls.ipRules[2].value`. Of the file as a whole `file`. */
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong with the rules, at once. */
export class NetworkRulesError extends Error {
  override readonly name = 'NetworkRulesError';
  readonly problems: readonly NetworkRulesProblem[];

  constructor(problems: readonly NetworkRulesProblem[]) {
    super(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'));
    this.problems = problems;
  }
}

type Members = Readonly<Record<string, unknown>>;

/** Resource ids of Azure are such names, and they fit into a header. */
const NAME = /^[0-9A-Za-z()._/-]{1,256}$/;
const GUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const SHOWN_CHARACTERS = 60;

/** @throws NetworkRulesError */
export async function readNetworkRulesFile(path: string): Promise<string> {
  const wrong = (message: string) => new NetworkRulesError([{ path: 'file', message: `${path} ${message}.` }]);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw wrong(`cannot be read (${error.code})`);
  });
  if (bytes.length <= LIMITS.networkRulesBytes) return bytes.toString('utf8');
  throw wrong(`has more than ${LIMITS.networkRulesBytes} bytes`);
}

/** The rules that a file holds: Azure's `publicNetworkAccess` and `networkAcls` (Azure API §7.1), and what they name. @throws NetworkRulesError */
export function parseNetworkRules(text: string): NetworkRules {
  const reader = new RulesReader();
  const rules = reader.read(parseText(text));
  if (reader.problems.length > 0) throw new NetworkRulesError(reader.problems);
  return rules;
}

function parseText(text: string): unknown {
  try {
    return parseStrictJson(text, 'the rules', 'something else', LIMITS.networkRulesMembers);
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    throw new NetworkRulesError([{ path: 'file', message: error.message }]);
  }
}

/** Goes on behind what is wrong, with something in its place. */
class RulesReader {
  readonly problems: NetworkRulesProblem[] = [];

  read(value: unknown): NetworkRules {
    const members = ['publicNetworkAccess', 'networkAcls', 'virtualNetworks', 'trustedServices'];
    const {
      publicNetworkAccess = 'Enabled',
      networkAcls,
      virtualNetworks = {},
      trustedServices = [],
    } = this.#members(value, '', members) ?? {};
    const access = this.#choice(publicNetworkAccess, 'publicNetworkAccess', ['Enabled', 'Disabled']);
    const networks = this.#networks(virtualNetworks);
    const known = new Set(networks.map(({ name }) => name));
    const rules = networkAcls === undefined ? ALL_NETWORKS : this.#acls(networkAcls, known);
    const services = this.#list(trustedServices, 'trustedServices', LIMITS.trustedServices);
    return {
      ...rules,
      isPublic: access === 'Enabled',
      virtualNetworks: networks,
      trustedServices: services.map((id, index) =>
        this.#text(id, `trustedServices[${index}]`, GUID, 'the object id of a principal, a GUID').toLowerCase(),
      ),
    };
  }

  #acls(value: unknown, known: ReadonlySet<string>): NetworkRules {
    const members = this.#members(value, 'networkAcls', ['defaultAction', 'bypass', 'ipRules', 'virtualNetworkRules']);
    if (members === undefined) return ALL_NETWORKS;
    const { defaultAction, bypass = 'AzureServices', ipRules = [], virtualNetworkRules = [] } = members;
    const place = 'networkAcls.virtualNetworkRules';
    return {
      ...ALL_NETWORKS,
      // Not left to a default: rules that have no effect look as if they had one.
      defaultAction: this.#choice(defaultAction, 'networkAcls.defaultAction', ['Allow', 'Deny']),
      bypass: this.#choice(bypass, 'networkAcls.bypass', ['AzureServices', 'None']),
      ipRules: this.#list(ipRules, 'networkAcls.ipRules', LIMITS.ipRules).flatMap((rule, index) => {
        const path = `networkAcls.ipRules[${index}]`;
        const given = this.#members(rule, path, ['value']);
        return given === undefined ? [] : this.#range(given.value, `${path}.value`);
      }),
      virtualNetworkRules: this.#list(virtualNetworkRules, place, LIMITS.virtualNetworks).flatMap((rule, index) => {
        const given = this.#members(rule, `${place}[${index}]`, ['id']);
        if (given === undefined) return [];
        if (typeof given.id === 'string' && known.has(given.id)) return [given.id];
        return this.#wrong([], `${place}[${index}].id`, 'the name of one of virtualNetworks', given.id);
      }),
    };
  }

  #networks(value: unknown): VirtualNetwork[] {
    const entries = Object.entries(this.#members(value, 'virtualNetworks') ?? {});
    if (entries.length > LIMITS.virtualNetworks) {
      this.#wrong([], 'virtualNetworks', `at most ${LIMITS.virtualNetworks} networks`, entries);
    }
    return entries.slice(0, LIMITS.virtualNetworks).flatMap(([name, network]) => this.#network(name, network));
  }

  #network(name: string, value: unknown): VirtualNetwork[] {
    const path = `virtualNetworks.${name}`;
    this.#text(name, 'virtualNetworks', NAME, 'names of 1 to 256 letters, digits and ()._/-');
    const members = this.#members(value, path, ['sources', 'proxies', 'localAddresses']);
    if (members === undefined) return [];
    const { sources, proxies = [], localAddresses = [] } = members;
    const network = {
      name,
      proxies: this.#ranges(proxies, `${path}.proxies`),
      localAddresses: this.#addresses(localAddresses, `${path}.localAddresses`),
      sources: sources === undefined ? undefined : this.#ranges(sources, `${path}.sources`),
    };
    const isKnown = [proxies, localAddresses].some((list) => !Array.isArray(list) || list.length > 0);
    if (!isKnown) this.#wrong(undefined, path, 'proxies or localAddresses, to know the network by', value);
    return [network];
  }

  #ranges(value: unknown, path: string): AddressRange[] {
    return this.#list(value, path, LIMITS.addressesPerNetwork).flatMap((item, index) =>
      this.#range(item, `${path}[${index}]`),
    );
  }

  #range(value: unknown, path: string): AddressRange[] {
    const parsed = parseAddressRange(value);
    return 'range' in parsed ? [parsed.range] : this.#wrong([], path, parsed.expected, value);
  }

  #addresses(value: unknown, path: string): IpAddress[] {
    return this.#list(value, path, LIMITS.addressesPerNetwork).flatMap((item, index) => {
      const address = typeof item === 'string' ? parseIpAddress(item) : undefined;
      return address === undefined
        ? this.#wrong([], `${path}[${index}]`, 'an address of this machine', item)
        : [address];
    });
  }

  #members(value: unknown, path: string, names?: readonly string[]): Members | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.#wrong(undefined, path === '' ? 'file' : path, 'an object', value);
    }
    for (const name of names === undefined ? [] : Object.keys(value).filter((each) => !names.includes(each))) {
      this.problems.push({ path: path === '' ? name : `${path}.${name}`, message: 'There is no such member.' });
    }
    return value as Members;
  }

  #list(value: unknown, path: string, most: number): readonly unknown[] {
    if (!Array.isArray(value)) return this.#wrong([], path, 'a list', value);
    return value.length <= most ? value : this.#wrong([], path, `a list of at most ${most}`, value);
  }

  #choice<const Choice extends string>(value: unknown, path: string, choices: readonly [Choice, ...Choice[]]): Choice {
    return choices.find((each) => each === value) ?? this.#wrong(choices[0], path, choices.join(' or '), value);
  }

  #text(value: unknown, path: string, pattern: RegExp, expected: string): string {
    return typeof value === 'string' && pattern.test(value) ? value : this.#wrong('', path, expected, value);
  }

  #wrong<T>(inPlace: T, path: string, expected: string, received: unknown): T {
    this.problems.push({ path, message: `Expected ${expected}, received ${shown(received)}.` });
    return inPlace;
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  const written = JSON.stringify(value) ?? 'nothing';
  return written.length > SHOWN_CHARACTERS ? `${written.slice(0, SHOWN_CHARACTERS)}…` : written;
}
