import type { Call } from '../route.ts';
import { transferKeyBody } from '../wire/transfer_key.ts';

/** What a recovery of this pool is to be encrypted to. */
export async function getTransferKey({ parts, exchange }: Call): Promise<string> {
  const transferKey = await parts.domainRecovery.transferKey(new Date());
  return transferKeyBody(transferKey, String(exchange.target.query['api-version'] ?? ''));
}
