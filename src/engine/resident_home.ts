import { StrongroomError } from '../model/errors.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import { encodeTemplate } from '../pkcs11/template.ts';
import type { HostToken } from '../pool/hsm_host.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import { ringRequest } from '../pool/ring_request.ts';
import { decodeHandles } from '../pool/token_answers.ts';
import type { KeyVersionRecord } from '../store/store.ts';
import { HANDLE_BYTES } from './key_wrapping.ts';
import { requireOk } from './token_refusal.ts';

type Kept = Pick<KeyVersionRecord, 'custody' | 'objectId'>;

/**
 * The token that keeps a key in resident custody; undefined where any will do. The record does not tell, because the key may come to
 * another token with a copy of the first: the tokens are asked.
 * @throws StrongroomError `ServiceUnavailable` (`TokenAway`) when it may be in a token that is not there, `KeyMissing` when no token has it
 */
export async function homeOf(pool: HsmPool, record: Kept): Promise<HostToken | undefined> {
  if (record.custody !== 'resident' || !pool.hasSeveralTokens) return undefined;
  for (const token of pool.servingTokens) if (await holds(pool, token, record)) return token;
  if (pool.isComplete) {
    throw new StrongroomError('KeyMissing', 'The key is on record, but no token of the HSM pool has it.');
  }
  throw new StrongroomError('ServiceUnavailable', 'The token that keeps this key is not available now.', {
    innerCode: 'TokenAway',
  });
}

async function holds(pool: HsmPool, token: HostToken, { objectId }: Kept): Promise<boolean> {
  const template = encodeTemplate({ CKA_TOKEN: true, CKA_ID: objectId });
  const find = ringRequest(RING_OPERATION.find, { template, capacity: HANDLE_BYTES });
  return decodeHandles(requireOk(await pool.call(find, { token })).answer).length > 0;
}
