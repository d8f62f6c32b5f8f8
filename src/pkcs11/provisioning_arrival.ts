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
import { attributeOf, createTransportKey, isExtractable, POOL_KEYS, unwrapPoolKeys } from './provisioning_transport.ts';

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
  const keyWrap = keyWrapOf(session);
  const made: Handle[] = [carrier];
  const secret = (name: PoolKeyName): Handle => {
    const template = pkcs11jsTemplate(passingPoolKeyTemplate(name));
    const wrapped = Buffer.from(keys.wrapped[name], 'base64');
    const key = cryptoki('C_UnwrapKey', () => lib.C_UnwrapKey(handle, keyWrap, carrier, wrapped, template));
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
export function importPoolKeys(session: Session, transportKey: Uint8Array, keys: TransportedPoolKeys): boolean {
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
  unwrapPoolKeys(session, transportKey, keys, 'current');
  return true;
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

function pointOf({ points }: TransportedPoolKeys, name: SigningKeyName): Buffer {
  return Buffer.from(points[name], 'base64');
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
