import { StrongroomError } from '../../model/errors.ts';
import type { EcKeySpec, KeyMaterial, KeySpec, PublicKey, RsaKeySpec } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { RING_OPERATION } from '../../pkcs11/binding.ts';
import { decodeEcPoint } from '../../pkcs11/ec_point.ts';
import {
  type Extraction,
  importTemplate,
  keyPairTemplates,
  type ObjectPlacement,
  secretKeyTemplate,
} from '../../pkcs11/key_template.ts';
import { MECHANISM } from '../../pkcs11/mechanism.ts';
import { withoutLeadingZeros } from '../../pkcs11/signature_format.ts';
import { decodeAttributes, encodeQuery } from '../../pkcs11/template.ts';
import type { HostToken, HsmHost, RingRequest } from '../../pool/hsm_host.ts';
import type { HsmPool } from '../../pool/hsm_pool.ts';
import type { CallOptions } from '../../pool/pool_call.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import { decodeHandles } from '../../pool/token_answers.ts';
import { HANDLE_BYTES } from '../key_wrapping.ts';
import { refusalOf, requireOk } from '../token_refusal.ts';
import { Ceremony } from './ceremony.ts';
import { publicKeyOfMaterial, specOfMaterial } from './key_spec.ts';
import { proveImported } from './proof.ts';

/** A key that has come into being in one instance, and is not on record yet. */
export interface FreshKey {
  readonly ceremony: Ceremony;
  /** Handle of its private or secret object. */
  readonly object: number;
  readonly spec: KeySpec;
  readonly publicKey: PublicKey;
  /** It came without an object for its public half. */
  readonly lacksPublicObject: boolean;
  /** That this object and the public half belong together; where they do not, it says whose fault that is. */
  prove(object: number): Promise<void>;
}

/** How the objects are to be made. Those of the session end with the ceremony. */
export interface Making {
  /** In the token that is chosen for it, or in the one named here. */
  readonly placement: (token: HostToken) => ObjectPlacement;
  readonly extraction: Extraction;
  /** The only token that will do. */
  readonly token: HostToken | undefined;
  /** Whether a token will do. */
  readonly suits: ((token: HostToken) => boolean) | undefined;
  /** Its objects are the token's: they stay, and are made where others may be made at the same time. */
  readonly changesToken: boolean;
}

export function callOptions({ token, suits, changesToken }: Making): CallOptions {
  return { token, suits, effect: changesToken ? 'mutating' : 'pure' };
}

export async function generateKey(pool: HsmPool, spec: KeySpec, making: Making): Promise<FreshKey> {
  const mechanism = GENERATION[spec.keyType];
  const generates = ({ mechanisms }: HostToken): boolean => mechanisms.has(mechanism);
  const options: CallOptions = {
    ...optionsFor(pool, spec, making, generates),
    timeoutMs: LIMITS.keyGenerationTimeoutMs,
  };
  const request = ({ token }: HsmHost): RingRequest =>
    generationRequest(spec, making.placement(token), making.extraction);
  const { ceremony, completion } = await Ceremony.begin(pool, 'engine', request, options);
  const { answer } = requireOk(completion);
  const handles = making.changesToken ? decodeHandles(answer) : ceremony.adopt(answer);
  try {
    if (spec.keyType === 'oct-HSM') {
      return generated(ceremony, handles[0] as number, spec, { keyType: spec.keyType });
    }
    const [publicObject, object] = handles as [number, number];
    return generated(ceremony, object, spec, await readPublicKey(ceremony, spec, publicObject));
  } catch (error) {
    await ceremony.end();
    throw error;
  }
}

/** In a token that makes or takes such keys. @throws StrongroomError `NotSupported` where none of those that will do does */
function optionsFor(
  pool: HsmPool,
  key: KeySpec | KeyMaterial,
  making: Making,
  does: (token: HostToken) => boolean = () => true,
): CallOptions {
  const suits = (token: HostToken): boolean =>
    does(token) && hasCurve(token, key) && (making.suits === undefined || making.suits(token));
  const tokens = making.token === undefined ? pool.tokens : [making.token];
  if (!tokens.some(suits)) {
    const kind = key.keyType === 'EC-HSM' ? `keys on the curve ${key.curve}` : `${key.keyType} keys`;
    throw new StrongroomError('NotSupported', `The HSM has no ${kind}.`);
  }
  return { ...callOptions(making), suits };
}

function hasCurve({ profile }: HostToken, key: KeySpec | KeyMaterial): boolean {
  return key.keyType !== 'EC-HSM' || profile.curves.has(key.curve);
}

const GENERATION: Readonly<Record<KeySpec['keyType'], number>> = {
  'RSA-HSM': MECHANISM.CKM_RSA_PKCS_KEY_PAIR_GEN,
  'EC-HSM': MECHANISM.CKM_EC_KEY_PAIR_GEN,
  'oct-HSM': MECHANISM.CKM_AES_KEY_GEN,
};

/** The token made the key, so the token is at fault when its halves do not belong together: `SelfTestFailed`. */
function generated(ceremony: Ceremony, object: number, spec: KeySpec, publicKey: PublicKey): FreshKey {
  const { pool, host } = ceremony;
  const prove = (each: number): Promise<void> => pool.selfTest.pair(publicKey, each, host);
  return { ceremony, object, spec, publicKey, lacksPublicObject: false, prove };
}

function generationRequest(spec: KeySpec, placement: ObjectPlacement, extraction: Extraction): RingRequest {
  if (spec.keyType === 'oct-HSM') {
    return ringRequest(RING_OPERATION.generateKey, {
      mechanism: GENERATION[spec.keyType],
      template: secretKeyTemplate(spec, placement, extraction),
      capacity: HANDLE_BYTES,
    });
  }
  const { publicTemplate, privateTemplate } = keyPairTemplates(spec, placement, extraction);
  return ringRequest(RING_OPERATION.generateKeyPair, {
    mechanism: GENERATION[spec.keyType],
    template: publicTemplate,
    template2: privateTemplate,
    capacity: 2 * HANDLE_BYTES,
  });
}

const PUBLIC_KEY_BYTES = 1024;

async function readPublicKey(ceremony: Ceremony, spec: RsaKeySpec | EcKeySpec, object: number): Promise<PublicKey> {
  const query = encodeQuery(spec.keyType === 'RSA-HSM' ? ['CKA_MODULUS', 'CKA_PUBLIC_EXPONENT'] : ['CKA_EC_POINT']);
  const request = ringRequest(RING_OPERATION.getAttributes, { object, template: query, capacity: PUBLIC_KEY_BYTES });
  const attributes = decodeAttributes(await ceremony.ask(request));
  if (spec.keyType === 'EC-HSM') {
    const { x, y } = pointOf(spec.curve, attributes.bytes('CKA_EC_POINT'));
    return { keyType: spec.keyType, curve: spec.curve, x: new Uint8Array(x), y: new Uint8Array(y) };
  }
  const modulus = withoutLeadingZeros(attributes.bytes('CKA_MODULUS') ?? new Uint8Array(0));
  const publicExponent = withoutLeadingZeros(attributes.bytes('CKA_PUBLIC_EXPONENT') ?? new Uint8Array(0));
  const exponent = publicExponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (modulus.length * 8 !== spec.size || (modulus[0] as number) < 0x80 || exponent !== spec.publicExponent) {
    throw otherKey();
  }
  return {
    keyType: spec.keyType,
    modulus: new Uint8Array(modulus),
    publicExponent: new Uint8Array(publicExponent),
  };
}

/** What a token says of a key that it has just made is not ours to vouch for. @throws StrongroomError `InternalError` */
function pointOf(curve: EcKeySpec['curve'], point: Uint8Array | undefined): ReturnType<typeof decodeEcPoint> {
  if (point === undefined) throw otherKey();
  try {
    return decodeEcPoint(curve, point);
  } catch (cause) {
    throw otherKey(cause);
  }
}

function otherKey(cause?: unknown): StrongroomError {
  return new StrongroomError('InternalError', 'The HSM made another key than it was asked for.', { cause });
}

/** @throws StrongroomError `BadParameter` when the token does not take the values */
export async function bringInKey(pool: HsmPool, material: KeyMaterial, making: Making): Promise<FreshKey> {
  const templates: Uint8Array[] = [];
  const request = ({ token }: HsmHost): RingRequest => {
    const template = importTemplate(material, making.placement(token), making.extraction);
    templates.push(template);
    return ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES });
  };
  try {
    const { ceremony, completion } = await Ceremony.begin(pool, 'caller', request, optionsFor(pool, material, making));
    if (completion.returnValue !== 0) throw refusalOf(RING_OPERATION.create, completion);
    const [object] = making.changesToken ? decodeHandles(completion.answer) : ceremony.adopt(completion.answer);
    const spec = specOfMaterial(material);
    const publicKey = publicKeyOfMaterial(material);
    const prove = (each: number): Promise<void> => proveImported(ceremony, publicKey, each);
    return { ceremony, object: object as number, spec, publicKey, lacksPublicObject: true, prove };
  } finally {
    for (const template of templates) template.fill(0);
  }
}
