import type { Firewall } from '../../access/firewall.ts';
import { StrongroomError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';
import { authenticate } from './authenticate.ts';

/**
 * From where? What the network tells comes first; whom it does not let in is asked who it is, to see whether it is a trusted service
 * (Azure API §5.1).
 */
export function firewall(exchange: Exchange, parts: Parts): void | Promise<void> {
  const { current } = parts.firewall;
  exchange.network = current.judge(exchange.origin);
  if (exchange.network.criterion !== undefined) return undefined;
  if (!current.trustsServices) throw forbidden(exchange, current);
  return admitTrustedService(exchange, parts, current);
}

async function admitTrustedService(exchange: Exchange, parts: Parts, current: Firewall): Promise<void> {
  try {
    await authenticate(exchange, parts);
  } catch (error) {
    // Nobody learns from outside which access tokens are good.
    if (error instanceof StrongroomError && error.code === 'Unauthorized') throw forbidden(exchange, current);
    throw error;
  }
  const { principal, network } = exchange;
  if (principal === undefined || !current.trusts(principal)) throw forbidden(exchange, current);
  exchange.network = { criterion: 'trustedService', virtualNetwork: network?.virtualNetwork };
}

/** In Azure's words (Azure API §1.5). */
function forbidden({ origin }: Exchange, { rules }: Firewall): StrongroomError {
  if (!rules.isPublic) {
    return new StrongroomError(
      'Forbidden',
      'Public network access is disabled and request is not from a trusted service nor via an approved private link.',
      { innerCode: 'ForbiddenByConnection' },
    );
  }
  return new StrongroomError(
    'Forbidden',
    `Client address is not authorized and caller is not a trusted service.\r\nClient address: ${origin.address?.text ?? 'unknown'}`,
    { innerCode: 'ForbiddenByFirewall' },
  );
}
