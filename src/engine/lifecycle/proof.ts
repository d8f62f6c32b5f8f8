import { StrongroomError } from '../../model/errors.ts';
import { PARAMETER_KIND, RING_OPERATION } from '../../pkcs11/binding.ts';
import { MECHANISM } from '../../pkcs11/mechanism.ts';
import { checkPair } from '../../pool/pairwise_consistency.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import type { Ceremony } from './ceremony.ts';
import type { FreshKey } from './fresh_key.ts';

/** The token made the key, so the token is at fault when its halves do not belong together. @throws StrongroomError `SelfTestFailed` */
export async function proveGenerated({ ceremony, publicKey, object }: FreshKey): Promise<void> {
  await ceremony.pool.selfTest.pair(publicKey, object, ceremony.host);
}

/** A caller brought the key, so a mismatch is his. @throws StrongroomError `BadParameter` */
export async function proveImported({ ceremony, publicKey, object }: FreshKey): Promise<void> {
  const { pool } = ceremony;
  const problem = await checkPair(
    (host, request, input) => pool.call(request, { host, input }),
    ceremony.host,
    publicKey,
    object,
  );
  if (problem === undefined) return;
  throw new StrongroomError('BadParameter', 'The private and the public parts of the key do not belong together.', {
    cause: new Error(problem),
  });
}

/** What will be on record has become an object again: it has to be the key that it was. @throws StrongroomError `SelfTestFailed` */
export async function proveKept({ ceremony, publicKey, object }: FreshKey, kept: number): Promise<void> {
  if (publicKey.keyType !== 'oct-HSM') {
    await ceremony.pool.selfTest.pair(publicKey, kept, ceremony.host);
    return;
  }
  const [before, after] = await Promise.all([checkValue(ceremony, object), checkValue(ceremony, kept)]);
  if (Buffer.compare(before, after) !== 0) {
    throw new StrongroomError('SelfTestFailed', 'The HSM wrapped a key and unwrapped another.');
  }
}

const BLOCK_BYTES = 16;
const ZERO_BLOCK = new Uint8Array(BLOCK_BYTES);

/** A block of zeros under the key. */
function checkValue(ceremony: Ceremony, object: number): Promise<Uint8Array> {
  const request = ringRequest(RING_OPERATION.encrypt, {
    mechanism: MECHANISM.CKM_AES_CBC,
    parameterKind: PARAMETER_KIND.raw,
    parameter: ZERO_BLOCK,
    object,
    input: ZERO_BLOCK,
    capacity: BLOCK_BYTES,
  });
  return ceremony.ask(request);
}
