import { createHash, createPublicKey, randomBytes, verify } from 'node:crypto';
import { StrongroomError } from '../../model/errors.ts';
import { type KeySpec, OCT_SIZES, type PublicKey, RSA_SIZES } from '../../model/key.ts';
import { PARAMETER_KIND, RING_OPERATION } from '../../pkcs11/binding.ts';
import { EC_PARAMETERS } from '../../pkcs11/ec_point.ts';
import { unwrapTemplate } from '../../pkcs11/key_template.ts';
import { MECHANISM, oaepParameter } from '../../pkcs11/mechanism.ts';
import { withoutLeadingZeros } from '../../pkcs11/signature_format.ts';
import { decodeAttributes, encodeQuery } from '../../pkcs11/template.ts';
import {
  ARRIVED_TRANSPORT_KEY,
  MISSING_TRANSPORT_KEY,
  UNWRAPPING_PRIVATE_KEY,
  UNWRAPPING_PRIVATE_KEY_COPY,
} from '../../pkcs11/transport_template.ts';
import type { Completion, RingRequest } from '../../pool/hsm_host.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import { lookAtToken } from '../../pool/pool_keys.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import { decodeHandles } from '../../pool/token_answers.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import { HANDLE_BYTES, unwrapRequest } from '../key_wrapping.ts';
import { Ceremony } from '../lifecycle/ceremony.ts';
import { callOptions, type FreshKey, type Making } from '../lifecycle/fresh_key.ts';
import { proveImported } from '../lifecycle/proof.ts';
import { findTokenObject, unwrapStored } from '../object_bringing.ts';
import type { WrappedKeySpec } from '../requests.ts';
import { failureOf, requireOk } from '../token_refusal.ts';
import { candidatePublicKeys } from './point_recovery.ts';

export interface WrappedKey {
  readonly exchangeKey: KeyVersionRecord;
  readonly spec: WrappedKeySpec;
  /** As long as the exchange key's modulus the AES key, and the key behind it. */
  readonly wrappedKey: Uint8Array;
}

/**
 * Unwraps a key into the token in two steps, neither of which its value leaves (CKM_RSA_AES_KEY_WRAP, Azure API §2.5).
 * @throws StrongroomError `BadParameter`, one and the same for whatever is wrong with what was wrapped
 */
export async function bringInWrappedKey(pool: HsmPool, wrapped: WrappedKey, making: Making): Promise<FreshKey> {
  const { ceremony, completion } = await Ceremony.begin(pool, 'caller', lookAtToken, {
    ...callOptions(making),
    effect: 'pure',
  });
  try {
    requireOk(completion);
    const transportKey = await unwrapTransportKey(ceremony, wrapped);
    const object = await unwrapTarget(ceremony, transportKey, wrapped, making);
    const { spec, publicKey } = await readKey(ceremony, object, wrapped);
    const prove = (each: number): Promise<void> =>
      proveImported(ceremony, publicKey, each).catch((error: unknown) => {
        throw isRefusal(error) ? wrongKey(error) : error;
      });
    return { ceremony, object, spec, publicKey, lacksPublicObject: true, prove };
  } catch (error) {
    await ceremony.end();
    throw error;
  }
}

async function unwrapTransportKey(ceremony: Ceremony, { exchangeKey, wrappedKey }: WrappedKey): Promise<number> {
  const unwrappingKey = await bringUnwrappingKey(ceremony, exchangeKey);
  // What the second step says must not tell whether the first one went well (Manger, CRYPTO 2001): where it did not, another key takes part.
  const missing = await ceremony.make(
    ringRequest(RING_OPERATION.generateKey, {
      mechanism: MECHANISM.CKM_AES_KEY_GEN,
      template: MISSING_TRANSPORT_KEY,
      capacity: HANDLE_BYTES,
    }),
  );
  const unwrap = ringRequest(RING_OPERATION.unwrap, {
    mechanism: MECHANISM.CKM_RSA_PKCS_OAEP,
    parameterKind: PARAMETER_KIND.oaep,
    parameter: oaepParameter('SHA-1'),
    object: unwrappingKey,
    input: wrappedKey.subarray(0, modulusBytes(exchangeKey)),
    template: ARRIVED_TRANSPORT_KEY,
    capacity: HANDLE_BYTES,
  });
  const completion = await attempt(ceremony, unwrap);
  return completion?.returnValue === 0 ? (ceremony.adopt(completion.answer)[0] as number) : missing;
}

/** In the token it may decrypt and sign as every RSA key; here it unwraps and does nothing else. */
export async function bringUnwrappingKey(ceremony: Ceremony, record: KeyVersionRecord): Promise<number> {
  const { pool, host } = ceremony;
  if (record.custody === 'wrapped') {
    return ceremony.take(await unwrapStored(pool, record, UNWRAPPING_PRIVATE_KEY, host));
  }
  const object = await findTokenObject(pool, record, 'private', host);
  const template = UNWRAPPING_PRIVATE_KEY_COPY;
  return ceremony.make(ringRequest(RING_OPERATION.copy, { object, template, capacity: HANDLE_BYTES }));
}

export function modulusBytes({ spec }: KeyVersionRecord): number {
  return spec.keyType === 'RSA-HSM' ? spec.size / 8 : 0;
}

async function unwrapTarget(
  ceremony: Ceremony,
  transportKey: number,
  { exchangeKey, spec, wrappedKey }: WrappedKey,
  making: Making,
): Promise<number> {
  const { token } = ceremony.host;
  if (spec.keyType === 'EC-HSM' && token.profile.namesPointOfUnwrapped) {
    throw new StrongroomError('NotSupported', 'The HSM unwraps no EC key whose public half it is not told.');
  }
  await ceremony.pool.selfTest.ensure('CKM_AES_KEY_WRAP_PAD', ceremony.host);
  const role = spec.keyType === 'oct-HSM' ? 'secret' : 'private';
  const placement = making.placement(token);
  const template = unwrapTemplate(spec.keyType, role, placement, making.extraction);
  const request = unwrapRequest(transportKey, wrappedKey.subarray(modulusBytes(exchangeKey)), template);
  const completion = await attempt(ceremony, request, making.changesToken);
  if (completion?.returnValue !== 0) {
    throw wrongKey(completion === undefined ? undefined : failureOf(completion));
  }
  const [object] = making.changesToken ? decodeHandles(completion.answer) : ceremony.adopt(completion.answer);
  return object as number;
}

/** Undefined where the token does not take the key for a reason that it does not tell in a return value of the input. */
async function attempt(
  { pool, host }: Ceremony,
  request: RingRequest,
  changesToken = false,
): Promise<Completion | undefined> {
  try {
    return await pool.call(request, {
      host,
      input: 'caller',
      changesToken,
      effect: changesToken ? 'mutating' : 'pure',
    });
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['BadParameter', 'DecryptionFailed', 'NotSupported', 'InternalError']);

const isRefusal = (error: unknown): boolean => error instanceof StrongroomError && REFUSALS.has(error.code);

/** The one answer, whatever the reason. */
export function wrongKey(cause?: unknown): StrongroomError {
  return new StrongroomError('BadParameter', 'The wrapped key cannot be imported.', {
    innerCode: 'WrappedKeyInvalid',
    cause,
  });
}

interface KnownKey {
  readonly spec: KeySpec;
  readonly publicKey: PublicKey;
}

async function readKey(ceremony: Ceremony, object: number, wrapped: WrappedKey): Promise<KnownKey> {
  const { spec } = wrapped;
  if (spec.keyType === 'RSA-HSM') return readRsaKey(ceremony, object);
  if (spec.keyType === 'EC-HSM') return readEcKey(ceremony, object, spec);
  // RFC 5649 puts 8 bytes in front, and keys of other sizes are none of AES, which the proof of the key will show.
  const bytes = wrapped.wrappedKey.length - modulusBytes(wrapped.exchangeKey) - WRAP_OVERHEAD_BYTES;
  const size = OCT_SIZES.find((each) => each === bytes * 8);
  if (size === undefined) throw wrongKey();
  return { spec: { keyType: spec.keyType, size }, publicKey: { keyType: spec.keyType } };
}

const WRAP_OVERHEAD_BYTES = 8;
const PUBLIC_ATTRIBUTES_BYTES = 2048;

async function readRsaKey(ceremony: Ceremony, object: number): Promise<KnownKey> {
  const template = encodeQuery(['CKA_MODULUS', 'CKA_PUBLIC_EXPONENT']);
  const answer = await ceremony.ask(
    ringRequest(RING_OPERATION.getAttributes, { object, template, capacity: PUBLIC_ATTRIBUTES_BYTES }),
  );
  const attributes = decodeAttributes(answer);
  const modulus = withoutLeadingZeros(attributes.bytes('CKA_MODULUS') ?? new Uint8Array(1));
  const publicExponent = withoutLeadingZeros(attributes.bytes('CKA_PUBLIC_EXPONENT') ?? new Uint8Array(1));
  const size = RSA_SIZES.find((each) => each === modulus.length * 8 && (modulus[0] as number) >= 0x80);
  const exponent = publicExponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (size === undefined || publicExponent.length > 4 || exponent < 3 || exponent % 2 === 0) throw wrongKey();
  return {
    spec: { keyType: 'RSA-HSM', size, publicExponent: exponent },
    publicKey: {
      keyType: 'RSA-HSM',
      modulus: new Uint8Array(modulus),
      publicExponent: new Uint8Array(publicExponent),
    },
  };
}

type EcSpec = Extract<KeySpec, { keyType: 'EC-HSM' }>;

/** The token does not tell the public half, and what comes wrapped need not have it: so two signatures have to tell it. */
async function readEcKey(ceremony: Ceremony, object: number, { keyType, curve }: EcSpec): Promise<KnownKey> {
  const query = ringRequest(RING_OPERATION.getAttributes, {
    object,
    template: encodeQuery(['CKA_EC_PARAMS']),
    capacity: PUBLIC_ATTRIBUTES_BYTES,
  });
  const parameters = decodeAttributes(await ceremony.ask(query)).bytes('CKA_EC_PARAMS') ?? new Uint8Array(0);
  if (Buffer.compare(parameters, EC_PARAMETERS[curve]) !== 0) throw wrongKey();
  const [first, second] = [await signedMessage(ceremony, object), await signedMessage(ceremony, object)];
  const candidates = candidatePublicKeys(curve, first.digest, first.signature);
  const found = candidates.find((each) => isSignedBy(curve, each, second));
  if (found === undefined) throw wrongKey();
  return { spec: { keyType, curve }, publicKey: { keyType, curve, ...found } };
}

interface SignedMessage {
  readonly message: Uint8Array;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

const MESSAGE_BYTES = 32;
const LONGEST_SIGNATURE_BYTES = 256;

async function signedMessage(ceremony: Ceremony, object: number): Promise<SignedMessage> {
  const message = randomBytes(MESSAGE_BYTES);
  const digest = createHash('sha256').update(message).digest();
  const request = ringRequest(RING_OPERATION.sign, {
    mechanism: MECHANISM.CKM_ECDSA,
    object,
    input: digest,
    capacity: LONGEST_SIGNATURE_BYTES,
  });
  const completion = await attempt(ceremony, request);
  if (completion?.returnValue !== 0) throw wrongKey();
  return { message, digest, signature: completion.answer };
}

type Coordinates = ReturnType<typeof candidatePublicKeys>[number];

function isSignedBy(curve: EcSpec['curve'], { x, y }: Coordinates, { message, signature }: SignedMessage): boolean {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  const crv = curve === 'P-256K' ? 'secp256k1' : curve;
  const key = createPublicKey({ key: { kty: 'EC', crv, x: text(x), y: text(y) }, format: 'jwk' });
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
}
