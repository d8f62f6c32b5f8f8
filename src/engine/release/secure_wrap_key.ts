import { createPublicKey } from 'node:crypto';
import { badParameter, StrongroomError } from '../../model/errors.ts';
import { meetsReleasePolicy } from '../../model/release_policy.ts';
import { findSecureWrapAlgorithm, type SecureWrapAlgorithm } from '../../model/secure_wrap_algorithm.ts';
import { RING_OPERATION } from '../../pkcs11/binding.ts';
import { MECHANISM, MECHANISM_FLAG } from '../../pkcs11/mechanism.ts';
import { CARRIED_KEY, NEW_CARRIED_KEY, TRANSPORT_KEY_BYTES } from '../../pkcs11/transport_template.ts';
import type { HostToken } from '../../pool/hsm_host.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import { lookAtToken } from '../../pool/pool_keys.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { LifecycleParts } from '../engine_parts.ts';
import { HANDLE_BYTES } from '../key_wrapping.ts';
import { Ceremony } from '../lifecycle/ceremony.ts';
import { bringObject } from '../object_bringing.ts';
import { requirePermission, requireValidity } from '../permission.ts';
import type { SecureUnwrapKeyRequest, SecureWrapKeyRequest, WrapKeyResult } from '../requests.ts';
import { homeOf } from '../resident_home.ts';
import { decryptionFailed, failureOf, requireOk } from '../token_refusal.ts';
import { makeTransportKey, wrapForRecipient } from './key_transport.ts';
import { recipientOf } from './recipient.ts';
import { unwrapByRsa } from './unwrap_by_rsa.ts';

type SecureWrapParts = Pick<LifecycleParts, 'pool' | 'keys' | 'clock' | 'creations'>;

/** A new AES-256 key, made in the token and wrapped there by a key of the pool, so that nobody has seen it (Azure API §1.16). */
export async function secureWrapKey(parts: SecureWrapParts, request: SecureWrapKeyRequest): Promise<WrapKeyResult> {
  const { record, algorithm } = await loadWrappingKey(parts, request, 'wrapKey');
  requireValidity(record, 'wrapKey', parts.clock());
  const value = await inCeremony(parts, record, algorithm, async (ceremony) => {
    const { publicKey } = record;
    if (publicKey.keyType === 'RSA-HSM' && algorithm.hash !== undefined) {
      const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
      const key = { kty: 'RSA', n: text(publicKey.modulus), e: text(publicKey.publicExponent) };
      const recipient = { keyIdentifier: undefined, publicKey, keyObject: createPublicKey({ key, format: 'jwk' }) };
      return (await makeTransportKey(ceremony, recipient, algorithm.hash)).wrapped;
    }
    const wrappingKey = await bringAesKey(ceremony, record, algorithm);
    const generate = ringRequest(RING_OPERATION.generateKey, {
      mechanism: MECHANISM.CKM_AES_KEY_GEN,
      template: NEW_CARRIED_KEY,
      capacity: HANDLE_BYTES,
    });
    return ceremony.ask(
      ringRequest(RING_OPERATION.wrap, {
        mechanism: MECHANISM[algorithm.mechanism],
        object: wrappingKey,
        object2: await ceremony.make(generate),
        capacity: WRAPPED_BYTES,
      }),
    );
  });
  return { name: record.name, version: record.version, value };
}

/**
 * From under a key of the pool to under the key of an attested environment, inside of the token. Where the key of the pool has a release
 * policy, the environment has to meet it; else the word of any trusted authority does.
 */
export async function secureUnwrapKey(parts: SecureWrapParts, request: SecureUnwrapKeyRequest): Promise<WrapKeyResult> {
  const { record, algorithm } = await loadWrappingKey(parts, request, 'unwrapKey');
  const { releasePolicy } = record;
  if (releasePolicy !== undefined && !meetsReleasePolicy(releasePolicy, request.attestation)) {
    throw new StrongroomError('Forbidden', 'The attestation does not meet the release policy of the key.', {
      innerCode: 'ReleasePolicyNotMet',
    });
  }
  const recipient = recipientOf(request.attestation);
  const value = await inCeremony(parts, record, algorithm, async (ceremony) => {
    const object =
      algorithm.hash === undefined
        ? await unwrapByAes(ceremony, record, algorithm, request.value)
        : await unwrapByRsa(ceremony, record, algorithm.hash, request.value);
    return wrapForRecipient(ceremony, object, recipient, 'SHA-1');
  });
  return { name: record.name, version: record.version, value };
}

interface WrappingKey {
  readonly record: KeyVersionRecord;
  readonly algorithm: SecureWrapAlgorithm;
}

/** @throws StrongroomError `Forbidden`, `BadParameter`, `NotSupported` */
async function loadWrappingKey(
  { pool, keys }: SecureWrapParts,
  request: SecureWrapKeyRequest,
  operation: 'wrapKey' | 'unwrapKey',
): Promise<WrappingKey> {
  const algorithm = findSecureWrapAlgorithm(request.algorithm);
  if (algorithm === undefined) throw badParameter('alg', 'an algorithm of secure wrap', request.algorithm);
  const { record } = keys.find(request.key) ?? (await keys.load(request.key));
  requirePermission(record, operation);
  const { spec } = record;
  if (spec.keyType !== algorithm.keyType) {
    throw badParameter('alg', `an algorithm of ${spec.keyType} keys`, algorithm.name);
  }
  if (spec.keyType === 'oct-HSM' && algorithm.keySize !== undefined && algorithm.keySize !== spec.size) {
    throw badParameter('alg', `an algorithm of oct-HSM keys of ${spec.size} bits`, algorithm.name);
  }
  if (algorithm.hash === undefined) requireKeyWrap(pool, algorithm);
  return { record, algorithm };
}

/** @throws StrongroomError `NotSupported` */
function requireKeyWrap({ tokens }: HsmPool, algorithm: SecureWrapAlgorithm): void {
  if (tokens.some((token) => wrapsKeys(token, algorithm))) return;
  throw new StrongroomError('NotSupported', `The HSM does not support ${algorithm.name} on keys.`);
}

function wrapsKeys({ mechanisms }: HostToken, { mechanism }: SecureWrapAlgorithm): boolean {
  const { CKF_WRAP, CKF_UNWRAP } = MECHANISM_FLAG;
  const flags = mechanisms.get(MECHANISM[mechanism])?.flags ?? 0;
  return (flags & CKF_WRAP) !== 0 && (flags & CKF_UNWRAP) !== 0;
}

function inCeremony<Result>(
  { pool, creations }: SecureWrapParts,
  record: KeyVersionRecord,
  algorithm: SecureWrapAlgorithm,
  perform: (ceremony: Ceremony) => Promise<Result>,
): Promise<Result> {
  return creations.pass(async () => {
    const { ceremony, completion } = await Ceremony.begin(pool, 'engine', lookAtToken, {
      token: await homeOf(pool, record),
      suits: (token) => algorithm.hash !== undefined || wrapsKeys(token, algorithm),
    });
    try {
      requireOk(completion);
      return await perform(ceremony);
    } finally {
      await ceremony.end();
    }
  });
}

async function bringAesKey(
  ceremony: Ceremony,
  record: KeyVersionRecord,
  { mechanism }: SecureWrapAlgorithm,
): Promise<number> {
  const { pool, host } = ceremony;
  if (mechanism !== 'CKM_RSA_PKCS_OAEP') await pool.selfTest.ensure(mechanism, host);
  const { handle, transient } = await bringObject(pool, record, 'secret', host);
  return transient ? ceremony.take(handle) : handle;
}

/** RFC 3394 and RFC 5649 put 8 bytes in front of a key of this length. */
const WRAPPED_BYTES = TRANSPORT_KEY_BYTES + 8;

async function unwrapByAes(
  ceremony: Ceremony,
  record: KeyVersionRecord,
  algorithm: SecureWrapAlgorithm,
  value: Uint8Array,
): Promise<number> {
  if (!(value instanceof Uint8Array)) throw badParameter('value', 'bytes', value);
  if (value.length !== WRAPPED_BYTES) throw decryptionFailed();
  const { pool, host } = ceremony;
  const unwrap = ringRequest(RING_OPERATION.unwrap, {
    mechanism: MECHANISM[algorithm.mechanism],
    object: await bringAesKey(ceremony, record, algorithm),
    input: value,
    template: CARRIED_KEY,
    capacity: HANDLE_BYTES,
  });
  const completion = await pool.call(unwrap, { host, input: 'caller' });
  if (completion.returnValue !== 0) throw decryptionFailed(failureOf(completion));
  return ceremony.adopt(completion.answer)[0] as number;
}
