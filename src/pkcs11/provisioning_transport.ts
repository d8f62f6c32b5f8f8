import type { Session } from 'graphene-pk11';
import type { Handle } from 'pkcs11js';
import { decodeEcPoint } from './ec_point.ts';
import { pointTemplate } from './key_template.ts';
import {
  POOL_KEY_LABEL,
  type PoolKeyName,
  type PoolKeyPlace,
  recoveredPoolKeyTemplate,
  recoveredPublicKeyTemplate,
  type SigningKeyName,
} from './pool_key_template.ts';
import type { TransportedPoolKeys } from './pool_key_transport.ts';
import { cryptoki } from './provisioning_call.ts';
import { keyWrapOf } from './provisioning_key_wrap.ts';
import { requirePoolKey, SECRET_CLASS, SIGNING_KEYS, tryPoolKeys } from './provisioning_pool_keys.ts';
import { ProvisioningRefusal } from './provisioning_refusal.ts';
import { pkcs11jsTemplate } from './provisioning_template.ts';
import { encodeQuery, encodeTemplate, KEY_TYPE, NSS_MODEL, OBJECT_CLASS } from './template.ts';

const LONGEST_WRAPPED_BYTES = 1024;
export const POOL_KEYS = Object.keys(POOL_KEY_LABEL) as PoolKeyName[];

/** They leave the token wrapped, and never in the clear. */
export function exportPoolKeys(session: Session, transportKey: Uint8Array): TransportedPoolKeys {
  const { lib, handle } = session;
  const carrier = createTransportKey(session, transportKey);
  const keyWrap = keyWrapOf(session);
  const wrap = (name: PoolKeyName): string => {
    const key = requirePoolKey(session, name, SECRET_CLASS[name]);
    if (!isExtractable(session, key)) {
      throw new ProvisioningRefusal(
        `The pool key ${POOL_KEY_LABEL[name]} was locked in the token: nothing brings it out.`,
      );
    }
    const room = Buffer.alloc(LONGEST_WRAPPED_BYTES);
    return cryptoki('C_WrapKey', () => lib.C_WrapKey(handle, keyWrap, carrier, key, room)).toString('base64');
  };
  const exportedPoint = (name: SigningKeyName): string => {
    const key = requirePoolKey(session, name, 'CKO_PUBLIC_KEY');
    return attributeOf(session, key, 'CKA_EC_POINT').toString('base64');
  };
  return {
    wrapped: Object.fromEntries(POOL_KEYS.map((name) => [name, wrap(name)])) as TransportedPoolKeys['wrapped'],
    points: Object.fromEntries(
      SIGNING_KEYS.map((name) => [name, exportedPoint(name)]),
    ) as TransportedPoolKeys['points'],
  };
}

/** What was begun and failed is taken back. The seal key comes first: while it is not there, nothing has been brought in. */
export function unwrapPoolKeys(
  session: Session,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
  place: PoolKeyPlace,
): void {
  const { lib, handle } = session;
  const unwrap = unwrapping(session, createTransportKey(session, transportKey), keys);
  const made: Handle[] = [];
  try {
    for (const name of POOL_KEYS.toSorted((one, other) => Number(other === 'seal') - Number(one === 'seal'))) {
      made.push(unwrap(name, recoveredPoolKeyTemplate(name, place)));
    }
    for (const name of SIGNING_KEYS) {
      const template = recoveredPublicKeyTemplate(name, pointOf(keys, name), place);
      made.push(cryptoki('C_CreateObject', () => lib.C_CreateObject(handle, pkcs11jsTemplate(template))));
    }
    tryPoolKeys(session, place);
  } catch (error) {
    for (const object of made.toReversed()) cryptoki('C_DestroyObject', () => lib.C_DestroyObject(handle, object));
    throw error;
  }
}

/** C_UnwrapKey of one after the other, into what an encoded template says. */
export function unwrapping(
  session: Session,
  carrier: Handle,
  keys: TransportedPoolKeys,
): (name: PoolKeyName, template: Uint8Array) => Handle {
  const { lib, handle } = session;
  const keyWrap = keyWrapOf(session);
  const namesPoint = NSS_MODEL.test(session.slot.getToken().model);
  return (name, template) => {
    const wrapped = Buffer.from(keys.wrapped[name], 'base64');
    const all = pkcs11jsTemplate(template);
    if (namesPoint && isSigningKey(name)) {
      const { x, y } = decodeEcPoint('P-256', pointOf(keys, name));
      all.push(...pkcs11jsTemplate(pointTemplate({ x, y })));
    }
    return cryptoki('C_UnwrapKey', () => lib.C_UnwrapKey(handle, keyWrap, carrier, wrapped, all));
  };
}

const isSigningKey = (name: PoolKeyName): name is SigningKeyName => SIGNING_KEYS.some((each) => each === name);

/** The value of CKA_EC_POINT. */
export function pointOf({ points }: TransportedPoolKeys, name: SigningKeyName): Buffer {
  return Buffer.from(points[name], 'base64');
}

/** CKA_EXTRACTABLE goes from true to false, and never back. */
export function lockPoolKeys(session: Session): void {
  const { lib, handle } = session;
  const locked = pkcs11jsTemplate(encodeTemplate({ CKA_EXTRACTABLE: false }));
  for (const name of POOL_KEYS) {
    const key = requirePoolKey(session, name, SECRET_CLASS[name]);
    if (!isExtractable(session, key)) continue;
    cryptoki('C_SetAttributeValue', () => lib.C_SetAttributeValue(handle, key, locked));
    if (isExtractable(session, key)) {
      throw new ProvisioningRefusal(`The token does not lock the pool key ${POOL_KEY_LABEL[name]}.`);
    }
  }
}

export function createTransportKey({ lib, handle }: Session, value: Uint8Array): Handle {
  const template = encodeTemplate({
    CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
    CKA_KEY_TYPE: KEY_TYPE.CKK_AES,
    CKA_TOKEN: false,
    CKA_PRIVATE: true,
    CKA_SENSITIVE: true,
    CKA_EXTRACTABLE: false,
    CKA_WRAP: true,
    CKA_UNWRAP: true,
    CKA_ENCRYPT: false,
    CKA_DECRYPT: false,
    CKA_VALUE: value,
  });
  try {
    return cryptoki('C_CreateObject', () => lib.C_CreateObject(handle, pkcs11jsTemplate(template)));
  } finally {
    template.fill(0);
  }
}

export function isExtractable(session: Session, key: Handle): boolean {
  return attributeOf(session, key, 'CKA_EXTRACTABLE')[0] !== 0;
}

export function attributeOf({ lib, handle }: Session, key: Handle, name: 'CKA_EXTRACTABLE' | 'CKA_EC_POINT'): Buffer {
  const [template] = pkcs11jsTemplate(encodeQuery([name]));
  const [attribute] = cryptoki('C_GetAttributeValue', () =>
    lib.C_GetAttributeValue(handle, key, template === undefined ? [] : [template]),
  );
  if (!Buffer.isBuffer(attribute?.value)) throw new TypeError(`The token does not give ${name} of a pool key.`);
  return attribute.value;
}
