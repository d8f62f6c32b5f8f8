import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { keyPairTemplates, type ObjectPlacement, secretKeyTemplate } from '../../src/pkcs11/key_template.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS } from '../../src/pkcs11/template.ts';
import type { HsmHost } from '../../src/pool/hsm_host.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { decodeHandles } from '../../src/pool/token_answers.ts';
import type { KeyedOperation } from './pkcs11js_token.ts';

const PAIR_BYTES = 16;
const HANDLE_BYTES = 8;

/** Session objects in one host, made there: what is under test in the ring and the pool, without any key custody. */
export type HostKeys = Readonly<Record<KeyedOperation, number>>;

export async function makeHostKeys(pool: HsmPool, host: HsmHost, isPrivate: boolean): Promise<HostKeys> {
  const placement: ObjectPlacement = { kind: 'session', private: isPrivate };
  const pair = async (mechanism: number, templates: { publicTemplate: Uint8Array; privateTemplate: Uint8Array }) => {
    const request = ringRequest(RING_OPERATION.generateKeyPair, {
      mechanism,
      template: templates.publicTemplate,
      template2: templates.privateTemplate,
      capacity: PAIR_BYTES,
    });
    const { answer } = await pool.call(request, { host, effect: 'mutating' });
    return decodeHandles(answer)[1]!;
  };
  const secret = async (mechanism: number, template: Uint8Array) => {
    const request = ringRequest(RING_OPERATION.generateKey, { mechanism, template, capacity: HANDLE_BYTES });
    const { answer } = await pool.call(request, { host, effect: 'mutating' });
    return decodeHandles(answer)[0]!;
  };
  const genericSecret = encodeTemplate({
    CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
    CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET,
    CKA_TOKEN: false,
    CKA_PRIVATE: isPrivate,
    CKA_SENSITIVE: true,
    CKA_EXTRACTABLE: false,
    CKA_SIGN: true,
    CKA_VALUE_LEN: 32,
  });
  return {
    'rsa-2048': await pair(
      MECHANISM.CKM_RSA_PKCS_KEY_PAIR_GEN,
      keyPairTemplates({ keyType: 'RSA-HSM', size: 2048, publicExponent: 65537 }, placement, 'locked'),
    ),
    'p-256': await pair(
      MECHANISM.CKM_EC_KEY_PAIR_GEN,
      keyPairTemplates({ keyType: 'EC-HSM', curve: 'P-256' }, placement, 'locked'),
    ),
    'aes-256-gcm': await secret(
      MECHANISM.CKM_AES_KEY_GEN,
      secretKeyTemplate({ keyType: 'oct-HSM', size: 256 }, placement, 'locked'),
    ),
    'hmac-sha256': await secret(MECHANISM.CKM_GENERIC_SECRET_KEY_GEN, genericSecret),
  };
}
