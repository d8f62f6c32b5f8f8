import { stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { AddressSet } from '../../access/address_set.ts';
import type { NetworkRules, VirtualNetwork } from '../../access/network_rules.ts';
import { NetworkRulesError, parseNetworkRules, readNetworkRulesFile } from '../../access/network_rules_file.ts';
import type { Configuration } from '../../config/settings.ts';
import type { AddressRange } from '../../model/address_range.ts';
import { bad, doubtful, type Finding, good } from './finding.ts';

const OTHERS_MAY_WRITE = 0o022;

/** Whether the rules of the firewall will do, and whether they can do what they seem to. */
export async function checkNetwork(configuration: Configuration): Promise<Finding[]> {
  const { rulesFile } = configuration.network;
  if (rulesFile === undefined) return [good('network', 'the HSM may be called from everywhere')];
  try {
    const rules = parseNetworkRules(await readNetworkRulesFile(rulesFile));
    const { mode } = await stat(rulesFile);
    return [
      good('network', `the rules of ${rulesFile} will do`),
      ...((mode & OTHERS_MAY_WRITE) === 0 ? [] : [openToOthers(rulesFile, mode)]),
      ...withoutEffect(rules, configuration),
    ];
  } catch (error) {
    if (!(error instanceof NetworkRulesError)) throw error;
    return error.problems.map(({ path, message }) => bad('network', `${path}: ${message}`, `Correct ${rulesFile}.`));
  }
}

function openToOthers(path: string, mode: number): Finding {
  const shown = (mode & 0o777).toString(8);
  return doubtful('network', `${path} may be changed by others (mode ${shown})`, `chmod go-w ${path}`);
}

function withoutEffect(rules: NetworkRules, configuration: Configuration): Finding[] {
  const { isPublic, defaultAction, ipRules, virtualNetworkRules, virtualNetworks, trustedServices, bypass } = rules;
  const names = ipRules.length + virtualNetworkRules.length;
  const findings: Finding[] = [];
  if (isPublic && defaultAction === 'Allow' && names > 0) {
    findings.push(doubtful('network', 'the rules let everybody in, whomever they name', 'Set defaultAction to Deny.'));
  }
  const isClosed = !isPublic || (defaultAction === 'Deny' && names === 0);
  const services = bypass === 'AzureServices' ? trustedServices.length : 0;
  if (isClosed && services === 0 && configuration.network.privateListen.length === 0) {
    findings.push(doubtful('network', 'the rules let nobody in', 'Name addresses, networks or trusted services.'));
  }
  const allowed = virtualNetworks.filter(({ name }) => virtualNetworkRules.includes(name));
  for (const network of allowed.filter((each) => !mayBeEntered(each, configuration))) {
    const remedy = 'Name its proxies in network.trustedProxies, or an address of this machine in localAddresses.';
    findings.push(doubtful('network', `nobody comes out of the virtual network ${network.name}`, remedy));
  }
  return findings;
}

function mayBeEntered({ proxies, localAddresses }: VirtualNetwork, { network }: Configuration): boolean {
  const own = new Set(Object.values(networkInterfaces()).flatMap((cards = []) => cards.map(({ address }) => address)));
  const isHere = localAddresses.some(({ text }) => own.has(text));
  return isHere || proxies.some((proxy) => network.trustedProxies.some((trusted) => meet(proxy, trusted)));
}

/** Of two ranges that have an address in common, one has the other in it. */
function meet(one: AddressRange, other: AddressRange): boolean {
  return new AddressSet([one]).has(other.first) || new AddressSet([other]).has(one.first);
}
