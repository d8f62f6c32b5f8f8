import type { Logger } from 'pino';
import { Firewall } from '../access/firewall.ts';
import { LiveFirewall } from '../access/live_firewall.ts';
import { ALL_NETWORKS } from '../access/network_rules.ts';
import { NetworkRulesError } from '../access/network_rules_file.ts';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { Configuration } from '../config/settings.ts';
import type { FirewallService } from '../server/server.ts';

/**
 * The firewall of the configured rules, which may change while it is in use; without a file everybody may call, as Azure has it.
 * @throws ConfigurationError when the rules will not do
 */
export async function openFirewall({ network }: Configuration, log: Logger): Promise<FirewallService> {
  const { rulesFile } = network;
  if (rulesFile === undefined) return { current: new Firewall(ALL_NETWORKS), close: () => undefined };
  const facts = { rulesFile };
  try {
    return await LiveFirewall.open(rulesFile, {
      changed: () => log.info(facts, 'the network rules have changed, and are in effect'),
      refused: (error) =>
        log.error(
          { ...facts, problems: error.message },
          'the network rules will not do: those of before stay in effect',
        ),
    });
  } catch (error) {
    if (!(error instanceof NetworkRulesError)) throw error;
    throw new ConfigurationError(
      error.problems.map(({ path, message }) => ({ path: 'network.rulesFile', message: `${path}: ${message}` })),
    );
  }
}
