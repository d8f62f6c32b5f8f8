import type { ConnectionOrigin } from '../access/connection_origin.ts';
import { Firewall } from '../access/firewall.ts';
import { ALL_NETWORKS, type NetworkRules } from '../access/network_rules.ts';
import { NetworkRulesError, parseNetworkRules, readNetworkRulesFile } from '../access/network_rules_file.ts';
import { ConfigurationError } from '../config/configuration_error.ts';
import { type IpAddress, parseIpAddress, withoutMapping } from '../model/ip_address.ts';
import { explainCriteria } from './checks/explain_criteria.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

export interface FirewallCheckOptions extends SettingOptions {
  readonly address: string;
  readonly rules?: string | undefined;
  readonly principal?: string | undefined;
  readonly proxy?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly privateEndpoint?: boolean | undefined;
}

const GUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** Says of a caller what lets it in, or why nothing does; 1 then. Asks no server. */
export async function checkFirewall(options: FirewallCheckOptions): Promise<number> {
  const origin = originOf(options);
  const principal = options.principal === undefined ? undefined : readPrincipal(options.principal);
  const firewall = new Firewall(await readRules(options));
  for (const { name, holds, reason } of explainCriteria(firewall, origin, principal)) {
    console.log(`${holds ? 'yes' : 'no '}  ${name.padEnd(17)} ${reason}`);
  }
  const isTrusted = principal !== undefined && firewall.trusts({ objectId: principal });
  const isIn = firewall.judge(origin).criterion !== undefined || isTrusted;
  const refusal = firewall.rules.isPublic ? 'ForbiddenByFirewall' : 'ForbiddenByConnection';
  console.log(`${origin.address?.text} is ${isIn ? 'let in' : `refused (${refusal})`}.`);
  return isIn ? 0 : 1;
}

function originOf({ address, proxy, localAddress, privateEndpoint }: FirewallCheckOptions): ConnectionOrigin {
  const caller = readAddress('--address', address);
  return {
    entrance: privateEndpoint === true ? 'private' : 'public',
    address: caller,
    proxy: proxy === undefined ? undefined : readAddress('--proxy', proxy),
    localAddress: localAddress === undefined ? undefined : readAddress('--local-address', localAddress),
    socketFamily: caller.family,
  };
}

function readAddress(option: string, text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address !== undefined) return withoutMapping(address);
  throw wrong(option, `Expected an IPv4 or IPv6 address, received ${JSON.stringify(text)}.`);
}

function readPrincipal(text: string): string {
  if (GUID.test(text)) return text.toLowerCase();
  throw wrong('--principal', `Expected an object id, a GUID, received ${JSON.stringify(text)}.`);
}

async function readRules({ rules, ...settings }: FirewallCheckOptions): Promise<NetworkRules> {
  const setting = rules === undefined ? 'network.rulesFile' : '--rules';
  const path = rules ?? readSettings(settings).network.rulesFile;
  if (path === undefined) return ALL_NETWORKS;
  try {
    return parseNetworkRules(await readNetworkRulesFile(path));
  } catch (error) {
    if (!(error instanceof NetworkRulesError)) throw error;
    throw new ConfigurationError(
      error.problems.map((each) => ({ path: `${setting}: ${each.path}`, message: each.message })),
    );
  }
}

function wrong(path: string, message: string): ConfigurationError {
  return new ConfigurationError([{ path, message }]);
}
