import type { KeyObjectRole } from '../model/algorithm.ts';
import { StrongroomError } from '../model/errors.ts';
import type { KeyType } from '../model/key.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import { type ObjectPlacement, publicKeyTemplate } from '../pkcs11/key_template.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS, type Template } from '../pkcs11/template.ts';
import type { HostToken, HsmHost, RingRequest } from '../pool/hsm_host.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import { ringRequest } from '../pool/ring_request.ts';
import { decodeHandles } from '../pool/token_answers.ts';
import type { KeyVersionRecord } from '../store/store.ts';
import { HANDLE_BYTES, unwrappedObject, unwrapRequest } from './key_wrapping.ts';
import { failureOf, requireOk } from './token_refusal.ts';

export function sessionPlacement({ profile }: HostToken): ObjectPlacement {
  return { kind: 'session', private: profile.sessionObjects === 'private' };
}

export interface BroughtObject {
  readonly handle: number;
  /** An object of the session, made for us alone. One of the token itself is the key, and nobody's to destroy. */
  readonly transient: boolean;
}

/**
 * Brings an object of a key into an instance of the vendor library.
 * @throws StrongroomError `KeyMissing` when the token does not have the key, or the KEK that it is wrapped under
 */
export async function bringObject(
  pool: HsmPool,
  record: KeyVersionRecord,
  role: KeyObjectRole,
  host: HsmHost,
): Promise<BroughtObject> {
  if (role === 'public') return { handle: await createPublicObject(pool, record, host), transient: true };
  if (record.custody === 'wrapped') return { handle: await unwrapObject(pool, record, role, host), transient: true };
  const handle = await findTokenObject(pool, record, role, host);
  // Where the module serves a session's objects faster than the token's, the pool keys are copied, and so is this one.
  if (!host.token.profile.copiesPoolKeys) return { handle, transient: false };
  const request = ringRequest(RING_OPERATION.copy, { object: handle, template: COPY, capacity: HANDLE_BYTES });
  return { handle: await askForHandle(pool, request, host), transient: true };
}

const COPY = encodeTemplate({ CKA_TOKEN: false });

/** The public half is in the record, under its seal, whoever keeps the private one. */
function createPublicObject(pool: HsmPool, { publicKey }: KeyVersionRecord, host: HsmHost): Promise<number> {
  if (publicKey.keyType === 'oct-HSM') throw new TypeError('A symmetric key has no public object.');
  const template = publicKeyTemplate(publicKey, sessionPlacement(host.token));
  return askForHandle(pool, ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES }), host);
}

/** Which object of the key holds its private or secret value. */
export type SecretRole = Exclude<KeyObjectRole, 'public'>;

function unwrapObject(pool: HsmPool, record: KeyVersionRecord, role: SecretRole, host: HsmHost): Promise<number> {
  const { token } = host;
  return unwrapStored(pool, record, unwrappedObject(token, record.publicKey, role, sessionPlacement(token)), host);
}

/** A key in wrapped custody as an object of this description. @throws StrongroomError `KeyMissing` */
export async function unwrapStored(
  pool: HsmPool,
  { wrappedKey }: KeyVersionRecord,
  template: Uint8Array,
  host: HsmHost,
): Promise<number> {
  if (wrappedKey === undefined) throw keyMissing(new Error('The record has no wrapped key'));
  await pool.selfTest.ensure('CKM_AES_KEY_WRAP_PAD', host);
  return askForHandle(pool, unwrapRequest(host.poolKeys.kek, wrappedKey, template), host);
}

const TOKEN_OBJECTS: Readonly<Record<KeyType, Partial<Record<SecretRole, Template>>>> = {
  'RSA-HSM': { private: { CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_RSA } },
  'EC-HSM': { private: { CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_EC } },
  'oct-HSM': {
    secret: { CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_AES },
    genericSecret: { CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET },
  },
};

/** One handle more than the one that there has to be tells that it is not the only one. */
const TWO_HANDLES_BYTES = 2 * HANDLE_BYTES;

/** The object that keeps a key in resident custody. @throws StrongroomError `KeyMissing`, `InternalError` (`KeyAmbiguous`) */
export async function findTokenObject(
  pool: HsmPool,
  { spec, objectId }: Pick<KeyVersionRecord, 'spec' | 'objectId'>,
  role: SecretRole,
  host: HsmHost,
): Promise<number> {
  const kind = TOKEN_OBJECTS[spec.keyType][role];
  if (role === 'genericSecret' && host.token.profile.oneSecretPerId)
    throw new StrongroomError('NotSupported', 'An oct-HSM key that this HSM keeps itself does not sign.');
  if (kind === undefined) throw new TypeError(`A key of type ${spec.keyType} has no ${role} object.`);
  const template = encodeTemplate({ ...kind, CKA_TOKEN: true, CKA_ID: objectId });
  const request = ringRequest(RING_OPERATION.find, { template, capacity: TWO_HANDLES_BYTES });
  const [handle, second] = decodeHandles(requireOk(await pool.call(request, { host })).answer);
  if (handle === undefined) throw keyMissing(new Error('No object of the token has its CKA_ID'));
  if (second !== undefined) {
    throw new StrongroomError('InternalError', 'The HSM has more than one object for this key.', {
      innerCode: 'KeyAmbiguous',
    });
  }
  return handle;
}

async function askForHandle(pool: HsmPool, request: RingRequest, host: HsmHost): Promise<number> {
  const completion = await pool.call(request, { host });
  if (completion.returnValue !== 0) throw keyMissing(failureOf(completion));
  const [handle] = decodeHandles(completion.answer);
  if (handle === undefined) throw new TypeError('The lane answered without a handle');
  return handle;
}

function keyMissing(cause: unknown): StrongroomError {
  return new StrongroomError('KeyMissing', 'The key is on record, but the HSM does not have it.', { cause });
}
