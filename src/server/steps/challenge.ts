import { Authenticator } from '../../identity/authenticator.ts';
import { StrongroomError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';

/**
 * The first call of every client is a probe without access token and body: it is answered before anything else is looked at, whatever the
 * path and the method (Azure API §1.4).
 */
export function challenge(exchange: Exchange): void {
  exchange.accessToken = Authenticator.bearerToken(exchange.incoming.headers.authorization);
  if (exchange.accessToken === undefined)
    throw new StrongroomError('Unauthorized', 'The request carries no access token.');
}
