import { badParameter, StrongroomError } from '../../model/errors.ts';
import type { Exchange } from '../exchange.ts';
import { requireApiVersion } from '../wire/api_version.ts';

/** What Azure says when roles are asked for at something that is neither `/` nor `/keys` nor a key (Azure API §1.5). */
const ROLES_OF_NO_SCOPE = /\/+providers\/+Microsoft\.Authorization\/+role(?:Definitions|Assignments)/i;

/** Is there such a thing? Only somebody known is told. */
export function matchRoute({ target, host, incoming }: Exchange): void {
  if (host.kind !== 'pool') throw badParameter('the Host header', 'the name of this HSM pool', incoming.headers.host);
  if (target.allowedMethods !== undefined) {
    throw new StrongroomError(
      'MethodNotAllowed',
      `Expected ${target.allowedMethods.join(' or ')} for this path, received ${incoming.method}.`,
    );
  }
  if (target.route === undefined && ROLES_OF_NO_SCOPE.test(incoming.url ?? '')) {
    throw new StrongroomError('Invalidkeyidentifier', 'Invalid key identifier');
  }
  if (target.route === undefined) throw new StrongroomError('NotFound', 'There is nothing at this path.');
  const apiVersion = target.query['api-version'];
  if (apiVersion !== undefined || !target.route.isPolled) requireApiVersion(apiVersion);
}
