import { StrongroomError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import type { Parts } from '../pipeline.ts';

/** Before custodians have the security domain, nothing is done that a lost token would take along (Azure API §1.22). */
export function requireActive({ route }: Exchange, { securityDomain }: Parts): void {
  if (securityDomain.isActive || route.isBeforeActivation) return;
  throw new StrongroomError(
    'Forbidden',
    'The HSM is not activated: download its security domain first, or upload one to recover.',
    { innerCode: 'HsmNotActivated' },
  );
}
