import { StrongroomError } from '../../model/errors.ts';
import type { KeyType, PublicKey } from '../../model/key.ts';
import { RING_OPERATION } from '../../pkcs11/binding.ts';
import { type AttributeName, decodeAttributes, encodeQuery } from '../../pkcs11/template.ts';
import type { HostToken } from '../../pool/hsm_host.ts';
import { checkPair } from '../../pool/pairwise_consistency.ts';
import { lookAtToken } from '../../pool/pool_keys.ts';
import { ringRequest } from '../../pool/ring_request.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import { type LifecycleParts, secondsOf } from '../engine_parts.ts';
import { viewOf } from '../key_view.ts';
import { Ceremony } from '../lifecycle/ceremony.ts';
import { bringObject, findTokenObject, type SecretRole } from '../object_bringing.ts';
import type { KeyAttestation, KeyReference } from '../requests.ts';
import { homeOf } from '../resident_home.ts';
import { requireOk } from '../token_refusal.ts';
import { poolIdentity, signStatement } from './pool_signature.ts';
import { publicJwk, thumbprint } from './public_jwk.ts';

type AttestParts = Pick<LifecycleParts, 'pool' | 'keys' | 'recovery' | 'clock' | 'creations'>;

const ATTESTATION_TYPE = 'key-attestation+jws';
/** Of the format (docs/attestation.md). */
const ATTESTATION_VERSION = 'strongroom-1.0';

/** What the pool states of a key version and signs, for whoever has to know how the key is kept (docs/attestation.md). */
export async function attestKey(parts: AttestParts, key: KeyReference): Promise<KeyAttestation> {
  const { pool, keys, recovery } = parts;
  const { record } = keys.find(key) ?? (await keys.load(key));
  const { object, token } = await parts.creations.pass(() => inspectKey(parts, record));
  const { certificatePem } = await poolIdentity(pool);
  const about = statementAbout(parts, record, token);
  const isSymmetric = record.spec.keyType === 'oct-HSM';
  const sign = async (statement: object): Promise<Uint8Array> =>
    Buffer.from(await signStatement(pool, ATTESTATION_TYPE, statement), 'ascii');
  return {
    ...viewOf(recovery, record),
    certificates: certificatePem,
    privateKeyAttestation: await sign({ ...about, part: isSymmetric ? 'secret' : 'private', object }),
    publicKeyAttestation: isSymmetric
      ? undefined
      : await sign({ ...about, part: 'public', jwk: publicJwk(record.publicKey) }),
    attestationVersion: ATTESTATION_VERSION,
  };
}

function statementAbout({ clock }: AttestParts, record: KeyVersionRecord, token: HostToken): object {
  const { name, version, spec, custody, operations, enabled, exportable, created } = record;
  const { label, serial, manufacturer, model } = token.description;
  return {
    attestation: ATTESTATION_VERSION,
    issued: secondsOf({ clock }),
    token: { label, serial, manufacturer, model },
    key: { name, version, ...describe(record.publicKey, spec), created, enabled, exportable, key_ops: operations },
    custody,
  };
}

function describe(publicKey: PublicKey, spec: KeyVersionRecord['spec']): object {
  if (publicKey.keyType === 'oct-HSM') return { kty: spec.keyType, key_size: 'size' in spec ? spec.size : undefined };
  const thumbprintSha256 = thumbprint(publicKey);
  if (spec.keyType === 'EC-HSM') return { kty: spec.keyType, crv: spec.curve, thumbprint: thumbprintSha256 };
  return { kty: spec.keyType, key_size: 'size' in spec ? spec.size : undefined, thumbprint: thumbprintSha256 };
}

/** Whether the object tells how the key has been kept from its beginning: one that was unwrapped a moment ago tells of itself alone. */
const OF_THE_OBJECT = {
  token: 'CKA_TOKEN',
  private: 'CKA_PRIVATE',
  sensitive: 'CKA_SENSITIVE',
  extractable: 'CKA_EXTRACTABLE',
} as const satisfies Record<string, AttributeName>;
const OF_ITS_LIFE = {
  alwaysSensitive: 'CKA_ALWAYS_SENSITIVE',
  neverExtractable: 'CKA_NEVER_EXTRACTABLE',
  local: 'CKA_LOCAL',
} as const satisfies Record<string, AttributeName>;

type Flag = (typeof OF_THE_OBJECT)[keyof typeof OF_THE_OBJECT] | (typeof OF_ITS_LIFE)[keyof typeof OF_ITS_LIFE];

const ROLE: Readonly<Record<KeyType, SecretRole>> = { 'RSA-HSM': 'private', 'EC-HSM': 'private', 'oct-HSM': 'secret' };
const ATTRIBUTES_BYTES = 1024;

interface InspectedKey {
  /** What its object says of itself. */
  readonly object: object;
  readonly token: HostToken;
}

/**
 * Reads the object that holds the key, and has it prove by a signature or a decryption that it is the key that is on record. What the
 * token does not tell is left out.
 */
async function inspectKey({ pool }: AttestParts, record: KeyVersionRecord): Promise<InspectedKey> {
  const home = await homeOf(pool, record);
  const { ceremony, completion } = await Ceremony.begin(pool, 'engine', lookAtToken, { token: home });
  try {
    requireOk(completion);
    const { host } = ceremony;
    const role = ROLE[record.spec.keyType];
    const resident = record.custody === 'resident';
    const object = resident
      ? await findTokenObject(pool, record, role, host)
      : ceremony.take((await bringObject(pool, record, role, host)).handle);
    await requireSameKey(ceremony, record, object);
    const names: Readonly<Record<string, Flag>> = resident ? { ...OF_THE_OBJECT, ...OF_ITS_LIFE } : OF_THE_OBJECT;
    const template = encodeQuery(Object.values(names));
    const query = ringRequest(RING_OPERATION.getAttributes, { object, template, capacity: ATTRIBUTES_BYTES });
    const attributes = decodeAttributes(await ceremony.ask(query));
    const read = Object.entries(names).map(([name, attribute]) => [name, attributes.bool(attribute)] as const);
    return { object: Object.fromEntries(read), token: host.token };
  } finally {
    await ceremony.end();
  }
}

/** @throws StrongroomError `KeyMissing` */
async function requireSameKey(
  { pool, host }: Ceremony,
  { publicKey }: KeyVersionRecord,
  object: number,
): Promise<void> {
  const ask: Parameters<typeof checkPair>[0] = (on, request, input) => pool.call(request, { host: on, input });
  const problem = await checkPair(ask, host, publicKey, object);
  if (problem === undefined) return;
  throw new StrongroomError('KeyMissing', 'The HSM has another key than the one that is on record.', {
    cause: new Error(problem),
  });
}
