import { RING_OPERATION } from '../pkcs11/binding.ts';
import { poolKeysOfClass } from '../pkcs11/pool_key_template.ts';
import { encodeTemplate, OBJECT_CLASS } from '../pkcs11/template.ts';
import type { HostToken } from '../pool/hsm_host.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import { ringRequest } from '../pool/ring_request.ts';
import { decodeHandles } from '../pool/token_answers.ts';
import { HANDLE_BYTES } from './key_wrapping.ts';
import { requireOk } from './token_refusal.ts';

/** Whether the token has keys beside those of the pool: without it they could not be used. @throws StrongroomError `ServiceUnavailable` */
export async function keepsKeys(pool: HsmPool, token: HostToken): Promise<boolean> {
  for (const objectClass of [OBJECT_CLASS.CKO_SECRET_KEY, OBJECT_CLASS.CKO_PRIVATE_KEY]) {
    const template = encodeTemplate({ CKA_CLASS: objectClass, CKA_TOKEN: true });
    const ofPool = poolKeysOfClass(objectClass);
    const capacity = (ofPool + 1) * HANDLE_BYTES;
    const { answer } = requireOk(await pool.call(ringRequest(RING_OPERATION.find, { template, capacity }), { token }));
    if (decodeHandles(answer).length > ofPool) return true;
  }
  return false;
}
