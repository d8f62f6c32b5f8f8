import type { PublicKey } from '../../model/key.ts';
import type { ReleasePolicy } from '../../model/release_policy.ts';
import type { RotationPolicy } from '../../model/rotation_policy.ts';
import type { KeyRecord, KeyVersionRecord } from '../../store/store.ts';

/** A key as it is carried from one store to another. */
export interface KeyCopy extends Pick<KeyRecord, 'name' | 'newest' | 'rotationPolicy'> {
  readonly versions: readonly KeyVersionRecord[];
}

/** Bytes as base64, and everything else as JSON has it. */
type InText<T> = T extends Uint8Array ? string : T extends object ? { readonly [K in keyof T]: InText<T[K]> } : T;

export function encodeCopy({ versions, ...key }: KeyCopy): string {
  const text: InText<KeyCopy> = { ...key, versions: versions.map(encodeVersion) };
  return JSON.stringify(text);
}

/** Only for what this pool has encoded: its seal has been checked. */
export function decodeCopy(text: string): KeyCopy {
  const { name, newest, rotationPolicy, versions } = JSON.parse(text) as InText<KeyCopy>;
  return { name, newest, rotationPolicy: decodeRotationPolicy(rotationPolicy), versions: versions.map(decodeVersion) };
}

export function encodeVersion(record: KeyVersionRecord): InText<KeyVersionRecord> {
  const { publicKey, releasePolicy, wrappedKey, objectId } = record;
  return {
    ...record,
    publicKey: encodePublicKey(publicKey),
    releasePolicy: releasePolicy && { ...releasePolicy, data: encode(releasePolicy.data) },
    wrappedKey: wrappedKey && encode(wrappedKey),
    objectId: encode(objectId),
  };
}

/** JSON leaves out what is undefined, and records have it. */
export function decodeVersion(text: InText<KeyVersionRecord>): KeyVersionRecord {
  const { name, version, spec, custody, operations, enabled, created, updated, exportable, tags, revision } = text;
  return {
    name,
    version,
    spec,
    custody,
    operations,
    enabled,
    notBefore: text.notBefore,
    expires: text.expires,
    created,
    updated,
    exportable,
    releasePolicy: decodeReleasePolicy(text.releasePolicy),
    tags,
    publicKey: decodePublicKey(text.publicKey),
    wrappedKey: text.wrappedKey === undefined ? undefined : decode(text.wrappedKey),
    objectId: decode(text.objectId),
    revision,
  };
}

export function decodeRotationPolicy(policy: RotationPolicy | undefined): RotationPolicy | undefined {
  if (policy === undefined) return undefined;
  const { lifetimeActions, expiryTime, created, updated } = policy;
  const actions = lifetimeActions.map(({ action, timeAfterCreate, timeBeforeExpiry }) => ({
    action,
    timeAfterCreate,
    timeBeforeExpiry,
  }));
  return { lifetimeActions: actions, expiryTime, created, updated };
}

function decodeReleasePolicy(policy: InText<ReleasePolicy> | undefined): ReleasePolicy | undefined {
  return policy && { ...policy, data: decode(policy.data) };
}

function encodePublicKey(key: PublicKey): InText<PublicKey> {
  if (key.keyType === 'oct-HSM') return key;
  if (key.keyType === 'EC-HSM') return { ...key, x: encode(key.x), y: encode(key.y) };
  return { ...key, modulus: encode(key.modulus), publicExponent: encode(key.publicExponent) };
}

function decodePublicKey(key: InText<PublicKey>): PublicKey {
  if (key.keyType === 'oct-HSM') return key;
  if (key.keyType === 'EC-HSM') return { ...key, x: decode(key.x), y: decode(key.y) };
  return { ...key, modulus: decode(key.modulus), publicExponent: decode(key.publicExponent) };
}

const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
