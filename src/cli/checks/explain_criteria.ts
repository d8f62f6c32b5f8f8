import { AddressSet } from '../../access/address_set.ts';
import type { ConnectionOrigin } from '../../access/connection_origin.ts';
import type { Firewall } from '../../access/firewall.ts';

/** One of the criteria, and why it lets a caller in or does not. */
export interface ExplainedCriterion {
  readonly name: string;
  readonly holds: boolean;
  readonly reason: string;
}

/** All criteria of the firewall, for people to read. `principal` is an object id. */
export function explainCriteria(
  firewall: Firewall,
  origin: ConnectionOrigin,
  principal: string | undefined,
): readonly ExplainedCriterion[] {
  const { rules } = firewall;
  const { criterion, virtualNetwork } = firewall.judge(origin);
  const { address, entrance } = origin;
  const closed = rules.isPublic ? undefined : 'public network access is Disabled';
  const rule = rules.ipRules.find((range) => address !== undefined && new AddressSet([range]).has(address));
  const isListed = rules.trustedServices.includes(principal ?? '');
  const isIn = virtualNetwork === undefined ? 'it is in none' : `it is in ${virtualNetwork}`;
  const isAllowed = rules.virtualNetworkRules.includes(virtualNetwork ?? '');
  return [
    {
      name: 'private endpoint',
      holds: criterion === 'privateEndpoint',
      reason: entrance === 'private' ? 'it arrives at one' : 'it arrives at none (--private-endpoint)',
    },
    {
      name: 'all networks',
      holds: criterion === 'allNetworks',
      reason: closed ?? `the default action is ${rules.defaultAction}`,
    },
    {
      name: 'virtual network',
      holds: isAllowed && closed === undefined,
      reason: closed ?? (isAllowed || virtualNetwork === undefined ? isIn : `${isIn}, which no rule names`),
    },
    {
      name: 'IP rule',
      holds: rule !== undefined && closed === undefined,
      reason: closed ?? rule?.text ?? `none of ${rules.ipRules.length} has ${address?.text} in it`,
    },
    {
      name: 'trusted service',
      holds: firewall.trusts({ objectId: principal ?? '' }),
      reason: trustReason(rules.bypass, principal, isListed),
    },
  ];
}

function trustReason(bypass: 'AzureServices' | 'None', principal: string | undefined, isListed: boolean): string {
  if (bypass === 'None') return 'bypass is None';
  if (principal === undefined) return 'nobody was named (--principal)';
  return isListed ? 'it is one, with a good access token' : `${principal} is none`;
}
