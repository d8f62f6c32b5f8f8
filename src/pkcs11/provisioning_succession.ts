import type { Session } from 'graphene-pk11';
import type { Handle } from 'pkcs11js';
import { MECHANISM } from './mechanism.ts';
import { currentPoolKeyTemplate, type PoolKeyName, type PoolKeyPlace } from './pool_key_template.ts';
import type { TransportedPoolKeys } from './pool_key_transport.ts';
import { cryptoki } from './provisioning_call.ts';
import { findPoolKey, requirePoolKey, SECRET_CLASS, SIGNING_KEYS, tryPoolKeys } from './provisioning_pool_keys.ts';
import { pkcs11jsTemplate } from './provisioning_template.ts';
import { POOL_KEYS, unwrapPoolKeys } from './provisioning_transport.ts';
import { encodeTemplate, type OBJECT_CLASS } from './template.ts';

/*
 * How other pool keys take the place of those that a token has. They come in beside them; what the seal key among them has sealed tells
 * whether they are to stay, so that a process that was killed in between leaves a token that the next one brings to one end or the other.
 */

/** What became of the keys that were brought in: `none`, there are none. */
export type Succession = 'none' | 'promoted' | 'dropped';

/** An object of a set of pool keys. */
type Half = readonly [name: PoolKeyName, objectClass: keyof typeof OBJECT_CLASS];

const SEAL_BYTES = 32;

/** Every object that belongs to pool keys, the seal key last: for as long as it is there, nothing is decided. */
export const HALVES: readonly Half[] = [
  ...SIGNING_KEYS.map((name): Half => [name, 'CKO_PUBLIC_KEY']),
  ...POOL_KEYS.filter((name) => name !== 'seal').map((name): Half => [name, SECRET_CLASS[name]]),
  ['seal', SECRET_CLASS.seal],
];

/** Brings pool keys in beside those that are in use, and answers the seals that they give to the inputs. */
export function stagePoolKeys(
  session: Session,
  transportKey: Uint8Array,
  keys: TransportedPoolKeys,
  inputs: readonly Uint8Array[],
): Uint8Array[] {
  dropPoolKeys(session, 'incoming');
  unwrapPoolKeys(session, transportKey, keys, 'incoming');
  try {
    const seal = requirePoolKey(session, 'seal', 'CKO_SECRET_KEY', 'incoming');
    requireCopies(session, seal);
    return inputs.map((input) => sealWith(session, seal, input));
  } catch (error) {
    dropPoolKeys(session, 'incoming');
    throw error;
  }
}

/** Puts them in the place of the others if the seal is theirs, and takes them away if it is not, or if there is none. */
export function settlePoolKeys(
  session: Session,
  proof: { readonly input: Uint8Array; readonly seal: Uint8Array } | undefined,
): Succession {
  const seal = findPoolKey(session, 'seal', 'CKO_SECRET_KEY', 'incoming');
  if (seal === undefined) return 'none';
  if (proof === undefined || !sealWith(session, seal, proof.input).equals(Buffer.from(proof.seal))) {
    dropPoolKeys(session, 'incoming');
    return 'dropped';
  }
  promoteIncoming(session);
  return 'promoted';
}

/** They are copied, and go when the copies have been tried: whenever this ends before its end, the whole can be done again. */
function promoteIncoming(session: Session): void {
  const { lib, handle } = session;
  for (const [name, objectClass] of HALVES) {
    const incoming = findPoolKey(session, name, objectClass, 'incoming');
    // It went after all of them had been copied.
    if (incoming === undefined) continue;
    destroy(session, findPoolKey(session, name, objectClass));
    const template = pkcs11jsTemplate(currentPoolKeyTemplate(name));
    cryptoki('C_CopyObject', () => lib.C_CopyObject(handle, incoming, template));
  }
  tryPoolKeys(session);
  dropPoolKeys(session, 'incoming');
}

export function dropPoolKeys(session: Session, place: PoolKeyPlace): void {
  for (const [name, objectClass] of HALVES) destroy(session, findPoolKey(session, name, objectClass, place));
}

/** A device that copies no keys is to say so while everything is as it was. */
function requireCopies(session: Session, key: Handle): void {
  const { lib, handle } = session;
  const template = pkcs11jsTemplate(encodeTemplate({ CKA_TOKEN: false }));
  destroy(
    session,
    cryptoki('C_CopyObject', () => lib.C_CopyObject(handle, key, template)),
  );
}

export function sealWith({ lib, handle }: Session, key: Handle, input: Uint8Array): Buffer {
  cryptoki('C_SignInit', () => lib.C_SignInit(handle, { mechanism: MECHANISM.CKM_SHA256_HMAC }, key));
  return cryptoki('C_Sign', () => lib.C_Sign(handle, Buffer.from(input), Buffer.alloc(SEAL_BYTES)));
}

export function destroy({ lib, handle }: Session, object: Handle | undefined): void {
  if (object !== undefined) cryptoki('C_DestroyObject', () => lib.C_DestroyObject(handle, object));
}
