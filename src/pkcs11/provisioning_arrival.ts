import type { Session } from 'graphene-pk11';
import type { Handle } from 'pkcs11js';
import {
  differences,
  hasMarks,
  markOf,
  markOfPoint,
  type PoolKeyMarks,
  SEALED,
  WRAPPED_BYTES,
  wrappedKeyTemplate,
} from './pool_key_marks.ts';
import {
  type PoolKeyName,
  passingPoolKeyTemplate,
  passingPublicKeyTemplate,
  type SigningKeyName,
} from './pool_key_template.ts';
import type { TransportedPoolKeys } from './pool_key_transport.ts';
import { cryptoki } from './provisioning_call.ts';
import { keyWrapOf } from './provisioning_key_wrap.ts';
import { findPoolKey, type PoolKeyObjects, SECRET_CLASS, SIGNING_KEYS, tryObjects } from './provisioning_pool_keys.ts';
import { ProvisioningRefusal } from './provisioning_refusal.ts';
import { destroy, dropPoolKeys, HALVES, sealWith } from './provisioning_succession.ts';
import { pkcs11jsTemplate } from './provisioning_template.ts';
import {
  attributeOf,
  createTransportKey,
  isExtractable,
  POOL_KEYS,
  pointOf,
  unwrapPoolKeys,
  unwrapping,
} from './provisioning_transport.ts';
import { CryptokiFailure, RETURN_VALUE } from './return_value.ts';
import { encodeQuery } from './template.ts';

/*
 * How pool keys come into a token that has none. They are looked at first, as objects of the session: what is refused then has never been in
 * the token, however the process ends.
 */

/** What a token has of pool keys. */
export interface PoolKeySight {
  readonly marks: PoolKeyMarks;
  /** Every object of them is there. */
  readonly isWhole: boolean;
  /** They can be wrapped out: whole, and not locked. */
  readonly isExtractable: boolean;
}

/** What has come to a token and is not in it. */
export interface ArrivalSight {
  readonly marks: PoolKeyMarks;
  /** HMAC-SHA256 of what was given to be sealed. */
  readonly seals: readonly Uint8Array[];
}

export function lookAtPoolKeys(session: Session): PoolKeySight {
  const isWhole = HALVES.every(([name, objectClass]) => findPoolKey(session, name, objectClass) !== undefined);
  return {
    marks: currentMarks(session),
    isWhole,
    isExtractable: isWhole && POOL_KEYS.every((name) => isExtractable(session, secretHalf(session, name) as Handle)),
  };
}

/** Unwraps and tries them, and keeps nothing. */
export function lookAtArrival(
  session: Session,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
  inputs: readonly Uint8Array[],
): ArrivalSight {
  const { lib, handle } = session;
  const carrier = createTransportKey(session, transportKey);
  const unwrap = unwrapping(session, carrier, keys);
  const made: Handle[] = [carrier];
  const secret = (name: PoolKeyName): Handle => {
    const key = unwrap(name, passingPoolKeyTemplate(name));
    made.push(key);
    return key;
  };
  const publicHalf = (name: SigningKeyName): Handle => {
    const template = pkcs11jsTemplate(passingPublicKeyTemplate(pointOf(keys, name)));
    const key = cryptoki('C_CreateObject', () => lib.C_CreateObject(handle, template));
    made.push(key);
    return key;
  };
  try {
    const objects: PoolKeyObjects = {
      secret: { kek: secret('kek'), seal: secret('seal'), audit: secret('audit'), attestation: secret('attestation') },
      public: { audit: publicHalf('audit'), attestation: publicHalf('attestation') },
    };
    tryObjects(session, objects);
    const { kek, seal } = objects.secret;
    return {
      marks: {
        kek: markOfKek(session, kek),
        seal: markOf(sealWith(session, seal, SEALED)),
        audit: markOfPoint(pointOf(keys, 'audit')),
        attestation: markOfPoint(pointOf(keys, 'attestation')),
      },
      seals: inputs.map((input) => sealWith(session, seal, input)),
    };
  } finally {
    for (const object of made) destroy(session, object);
  }
}

/**
 * Into a token that has none, or that has some of the same because an earlier attempt was interrupted. False when all of them are there
 * already.
 */
export function importPoolKeys(
  session: Session,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
  isOwn: boolean,
): boolean {
  const arrival = lookAtArrival(session, transportKey, keys, []);
  const { marks, isWhole } = lookAtPoolKeys(session);
  const others = differences(marks, arrival.marks);
  if (others.length > 0) {
    throw new ProvisioningRefusal(
      `The token has other pool keys already (${others.join(', ')}): it takes those of no other pool.`,
    );
  }
  if (isWhole) return false;
  if (hasMarks(marks)) dropPoolKeys(session, 'current');
  if (isOwn) dropUnfinished(session);
  unwrapPoolKeys(session, transportKey, keys, 'current');
  return true;
}

/** What SoftHSM says of an object that has not even a class yet, and of one that has no label. */
const NOT_WRITTEN: ReadonlySet<number> = new Set([
  RETURN_VALUE.CKR_ATTRIBUTE_VALUE_INVALID,
  RETURN_VALUE.CKR_ATTRIBUTE_TYPE_INVALID,
]);
/** More than a process that was killed leaves. */
const MOST_OBJECTS = 1_000;

/**
 * What SoftHSM was making when its process was killed: it writes an object attribute by attribute, and what makes it an object of the token, or
 * gives it its label, among the last.
 */
function dropUnfinished(session: Session): void {
  const { lib, handle } = session;
  cryptoki('C_FindObjectsInit', () => lib.C_FindObjectsInit(handle, []));
  let found: Handle[];
  try {
    found = cryptoki('C_FindObjects', () => lib.C_FindObjects(handle, MOST_OBJECTS));
  } finally {
    cryptoki('C_FindObjectsFinal', () => lib.C_FindObjectsFinal(handle));
  }
  for (const object of found) {
    try {
      if (!hasLabel(session, object)) destroy(session, object);
    } catch (error) {
      // Said also where the object is gone and its lock file was not there yet; and what stays is untidy, no harm.
      if (!(error instanceof CryptokiFailure)) throw error;
    }
  }
}

function hasLabel({ lib, handle }: Session, object: Handle): boolean {
  const query = pkcs11jsTemplate(encodeQuery(['CKA_LABEL']));
  try {
    const [label] = cryptoki('C_GetAttributeValue', () => lib.C_GetAttributeValue(handle, object, query));
    return Buffer.isBuffer(label?.value) && label.value.length > 0;
  } catch (error) {
    if (error instanceof CryptokiFailure && NOT_WRITTEN.has(error.returnValue)) return false;
    throw error;
  }
}

function currentMarks(session: Session): PoolKeyMarks {
  const kek = secretHalf(session, 'kek');
  const seal = secretHalf(session, 'seal');
  const [audit, attestation] = SIGNING_KEYS.map((name) => {
    const publicHalf = findPoolKey(session, name, 'CKO_PUBLIC_KEY');
    return publicHalf && markOfPoint(attributeOf(session, publicHalf, 'CKA_EC_POINT'));
  });
  return {
    kek: kek && markOfKek(session, kek),
    seal: seal && markOf(sealWith(session, seal, SEALED)),
    audit,
    attestation,
  };
}

function secretHalf(session: Session, name: PoolKeyName): Handle | undefined {
  return findPoolKey(session, name, SECRET_CLASS[name]);
}

function markOfKek(session: Session, kek: Handle): string {
  const { lib, handle } = session;
  const template = pkcs11jsTemplate(wrappedKeyTemplate());
  const known = cryptoki('C_CreateObject', () => lib.C_CreateObject(handle, template));
  try {
    return markOf(
      cryptoki('C_WrapKey', () => lib.C_WrapKey(handle, keyWrapOf(session), kek, known, Buffer.alloc(WRAPPED_BYTES))),
    );
  } finally {
    destroy(session, known);
  }
}
