import { createHash } from 'node:crypto';
import { StrongroomError } from '../model/errors.ts';
import type { PublicKey } from '../model/key.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import { decodeEcPoint } from '../pkcs11/ec_point.ts';
import { MECHANISM } from '../pkcs11/mechanism.ts';
import { POOL_KEY_LABEL, type PoolKeyName, type SigningKeyName } from '../pkcs11/pool_key_template.ts';
import { decodeAttributes, encodeQuery, encodeTemplate, OBJECT_CLASS } from '../pkcs11/template.ts';
import type { HsmHost, PoolKeyHandles, RingRequest } from './hsm_host.ts';
import { ringRequest } from './ring_request.ts';
import { decodeHandles } from './token_answers.ts';

/** Asks one instance, and throws unless it says CKR_OK. */
type Ask = (request: RingRequest) => Promise<Uint8Array>;

export type SigningPublicKey = Extract<PublicKey, { keyType: 'EC-HSM' }>;

/** Room for two handles: the second one tells that the first is not the only one. */
const TWO_HANDLES_BYTES = 16;
const HANDLE_BYTES = 8;
const SEAL_BYTES = 32;
const P256_SIGNATURE_BYTES = 64;
const EC_POINT_ANSWER_BYTES = 256;
const FLAG_ANSWER_BYTES = 64;

/**
 * Looks the pool keys up in an instance, and copies them into session objects where the profile says that this is faster. A copy
 * cannot leave the token, whatever the original may.
 * ServiceUnavailable (PoolKeysMissing) when one is not there, (PoolKeysAmbiguous) when one is there twice, (PoolKeysUnusable) when one wants the PIN
 * with each signature.
 */
export async function findPoolKeys(ask: Ask, copies: boolean): Promise<PoolKeyHandles> {
  const kek = await findKey(ask, 'kek', 'CKO_SECRET_KEY');
  const seal = await findKey(ask, 'seal', 'CKO_SECRET_KEY');
  const auditPrivate = await findKey(ask, 'audit', 'CKO_PRIVATE_KEY');
  const attestationPrivate = await findKey(ask, 'attestation', 'CKO_PRIVATE_KEY');
  await requireOneLogin(ask, 'audit', auditPrivate);
  await requireOneLogin(ask, 'attestation', attestationPrivate);
  if (!copies) return { kek, seal, auditPrivate, attestationPrivate };
  return {
    kek: await copyKey(ask, kek),
    seal: await copyKey(ask, seal),
    auditPrivate: await copyKey(ask, auditPrivate),
    attestationPrivate: await copyKey(ask, attestationPrivate),
  };
}

/** A search through the token, for what it does to the instance: it takes notice of what others have put there. */
export function lookAtToken(): RingRequest {
  const template = encodeTemplate({ CKA_TOKEN: true, CKA_LABEL: Buffer.from(POOL_KEY_LABEL.kek) });
  return ringRequest(RING_OPERATION.find, { template, capacity: HANDLE_BYTES });
}

/** The public half of a key that signs, out of the token. */
export async function readSigningPublicKey(ask: Ask, name: SigningKeyName): Promise<SigningPublicKey> {
  const object = await findKey(ask, name, 'CKO_PUBLIC_KEY');
  const template = encodeQuery(['CKA_EC_POINT']);
  const answer = await ask(
    ringRequest(RING_OPERATION.getAttributes, { object, template, capacity: EC_POINT_ANSWER_BYTES }),
  );
  const point = decodeAttributes(answer).bytes('CKA_EC_POINT');
  if (point === undefined) throw new TypeError('The token does not give the point of a pool key');
  return { keyType: 'EC-HSM', curve: 'P-256', ...decodeEcPoint('P-256', point) };
}

/** No more than a ring carries. */
const SEALED_WHOLE_BYTES = 64 * 1024;
/** Nothing that is sealed as it is begins like this: other contexts have other names, or stand behind their length. */
const DIGEST_CONTEXT = Buffer.from('strongroom/sealed_digest/1\0', 'latin1');

/** What the seal is computed over: of what is longer, its digest. */
function sealedInput(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= SEALED_WHOLE_BYTES) return bytes;
  return Buffer.concat([DIGEST_CONTEXT, createHash('sha256').update(bytes).digest()]);
}

export function sealRequest(host: HsmHost, bytes: Uint8Array): RingRequest {
  const { seal: object } = host.poolKeys;
  return ringRequest(RING_OPERATION.sign, {
    mechanism: MECHANISM.CKM_SHA256_HMAC,
    object,
    input: sealedInput(bytes),
    capacity: SEAL_BYTES,
  });
}

/** The token compares, and the right seal never leaves it. */
export function sealVerification(host: HsmHost, bytes: Uint8Array, seal: Uint8Array): RingRequest {
  const { seal: object } = host.poolKeys;
  const input = sealedInput(bytes);
  return ringRequest(RING_OPERATION.verify, { mechanism: MECHANISM.CKM_SHA256_HMAC, object, input, input2: seal });
}

/** ECDSA over a SHA-256 digest. */
export function signatureRequest(host: HsmHost, name: SigningKeyName, digest: Uint8Array): RingRequest {
  const object = name === 'audit' ? host.poolKeys.auditPrivate : host.poolKeys.attestationPrivate;
  const mechanism = MECHANISM.CKM_ECDSA;
  return ringRequest(RING_OPERATION.sign, { mechanism, object, input: digest, capacity: P256_SIGNATURE_BYTES });
}

async function findKey(ask: Ask, name: PoolKeyName, objectClass: keyof typeof OBJECT_CLASS): Promise<number> {
  const label = Buffer.from(POOL_KEY_LABEL[name], 'utf8');
  const template = encodeTemplate({ CKA_CLASS: OBJECT_CLASS[objectClass], CKA_TOKEN: true, CKA_LABEL: label });
  const answer = await ask(ringRequest(RING_OPERATION.find, { template, capacity: TWO_HANDLES_BYTES }));
  const [handle, second] = decodeHandles(answer);
  if (handle === undefined) {
    throw refusal(
      'PoolKeysMissing',
      `The token has no ${POOL_KEY_LABEL[name]} (${objectClass}): it has not been provisioned.`,
    );
  }
  if (second !== undefined) {
    throw refusal('PoolKeysAmbiguous', `The token has more than one ${POOL_KEY_LABEL[name]} (${objectClass}).`);
  }
  return handle;
}

/** A key with CKA_ALWAYS_AUTHENTICATE would have the PIN sent over and over, which is kept for the start of an instance alone. */
async function requireOneLogin(ask: Ask, name: PoolKeyName, object: number): Promise<void> {
  const template = encodeQuery(['CKA_ALWAYS_AUTHENTICATE']);
  const request = ringRequest(RING_OPERATION.getAttributes, { object, template, capacity: FLAG_ANSWER_BYTES });
  if (decodeAttributes(await ask(request)).bool('CKA_ALWAYS_AUTHENTICATE') !== true) return;
  throw refusal('PoolKeysUnusable', `The ${POOL_KEY_LABEL[name]} of the token wants the PIN with each signature.`);
}

/** SoftHSM refuses to be told that a copy of a locked key is locked. */
async function copyKey(ask: Ask, object: number): Promise<number> {
  const query = encodeQuery(['CKA_EXTRACTABLE']);
  const capacity = FLAG_ANSWER_BYTES;
  const answer = await ask(ringRequest(RING_OPERATION.getAttributes, { object, template: query, capacity }));
  const isExtractable = decodeAttributes(answer).bool('CKA_EXTRACTABLE');
  const template = encodeTemplate({ CKA_TOKEN: false, CKA_EXTRACTABLE: isExtractable === false ? undefined : false });
  const [copy] = decodeHandles(
    await ask(ringRequest(RING_OPERATION.copy, { object, template, capacity: HANDLE_BYTES })),
  );
  if (copy === undefined) throw new TypeError('The lane answered a copy without a handle');
  return copy;
}

function refusal(innerCode: string, message: string): StrongroomError {
  return new StrongroomError('ServiceUnavailable', message, { innerCode });
}
