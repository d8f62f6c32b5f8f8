import { StrongroomError } from '../../model/errors.ts';
import type { PublicKey } from '../../model/key.ts';
import { PARAMETER_KIND, RING_OPERATION } from '../../pkcs11/binding.ts';
import { MECHANISM } from '../../pkcs11/mechanism.ts';
import { checkPair } from '../../pool/pairwise_consistency.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import { requireOk } from '../token_refusal.ts';
import type { Ceremony } from './ceremony.ts';
import type { FreshKey } from './fresh_key.ts';

/** A caller brought the key, so a mismatch is his, and says nothing about the token. @throws StrongroomError `BadParameter` */
export async function proveImported({ pool, host }: Ceremony, publicKey: PublicKey, object: number): Promise<void> {
  const problem = await checkPair(
    (on, request, input) => pool.call(request, { host: on, input }),
    host,
    publicKey,
    object,
  );
  if (problem === undefined) return;
  throw new StrongroomError('BadParameter', 'The private and the public parts of the key do not belong together.', {
    cause: new Error(problem),
  });
}

/** What will be on record has become an object again: it has to be the key that it was. */
export async function proveKept(fresh: FreshKey, kept: number): Promise<void> {
  const { ceremony, publicKey, object } = fresh;
  await fresh.prove(kept);
  // A symmetric key has no other half to tell it from another key.
  if (publicKey.keyType === 'oct-HSM') await requireSameValue([ceremony, object], [ceremony, kept]);
}

type KeptIn = readonly [instance: Pick<Ceremony, 'pool' | 'host'>, object: number];

/** @throws StrongroomError `SelfTestFailed` */
export async function requireSameValue(one: KeptIn, other: KeptIn): Promise<void> {
  const [before, after] = await Promise.all([checkValue(...one), checkValue(...other)]);
  if (Buffer.compare(before, after) !== 0) {
    throw new StrongroomError('SelfTestFailed', 'The HSM wrapped a key and unwrapped another.');
  }
}

const BLOCK_BYTES = 16;
const ZERO_BLOCK = new Uint8Array(BLOCK_BYTES);

/** A block of zeros under the key. */
async function checkValue(...[{ pool, host }, object]: KeptIn): Promise<Uint8Array> {
  const request = ringRequest(RING_OPERATION.encrypt, {
    mechanism: MECHANISM.CKM_AES_CBC,
    parameterKind: PARAMETER_KIND.raw,
    parameter: ZERO_BLOCK,
    object,
    input: ZERO_BLOCK,
    capacity: BLOCK_BYTES,
  });
  return requireOk(await pool.call(request, { host })).answer;
}
