import type { DeletedKey, KeyAttestation, KeyVersion } from '../../engine/requests.ts';
import type { PublicKey } from '../../model/key.ts';
import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import { encodeBase64url } from './base64url.ts';
import { releasePolicyMembers } from './release_policy.ts';

/** KeyBundle: a key version with its public half, never a private member (Azure API §1.10). */
export function keyBundle(authority: string, version: KeyVersion): string {
  return JSON.stringify(bundleMembers(authority, version));
}

/** DeletedKeyBundle. */
export function deletedKeyBundle(authority: string, key: DeletedKey): string {
  return JSON.stringify({ ...bundleMembers(authority, key), ...deletionMembers(authority, key) });
}

/** KeyBundle with what the pool says about the key, which anybody can verify (Azure API §1.15). */
export function attestedKeyBundle(authority: string, key: KeyAttestation): string {
  const { certificates, privateKeyAttestation, publicKeyAttestation, attestationVersion } = key;
  const bundle = bundleMembers(authority, key);
  const attestation = {
    certificatePemFile: encodeBase64url(Buffer.from(certificates, 'utf8')),
    privateKeyAttestation: encodeBase64url(privateKeyAttestation),
    publicKeyAttestation: publicKeyAttestation === undefined ? undefined : encodeBase64url(publicKeyAttestation),
    version: attestationVersion,
  };
  return JSON.stringify({ ...bundle, attributes: { ...bundle.attributes, attestation } });
}

/** What a bundle and an item of a list have in common. */
export function attributeMembers(version: KeyVersion) {
  const { spec } = version;
  return {
    enabled: version.enabled,
    nbf: version.notBefore,
    exp: version.expires,
    created: version.created,
    updated: version.updated,
    recoverableDays: version.recoverableDays,
    recoveryLevel: version.recoveryLevel,
    exportable: version.exportable,
    key_size: spec.keyType === 'oct-HSM' ? spec.size : undefined,
  };
}

/** Left out when there are none. */
export function tagMembers({ tags }: KeyVersion): Readonly<Record<string, string>> | undefined {
  return Object.keys(tags).length === 0 ? undefined : tags;
}

export function deletionMembers(authority: string, { name, deletion }: DeletedKey) {
  return {
    recoveryId: `https://${authority}/deletedkeys/${name}`,
    deletedDate: deletion.deleted,
    scheduledPurgeDate: deletion.scheduledPurge,
  };
}

function bundleMembers(authority: string, version: KeyVersion) {
  const { name, spec, releasePolicy } = version;
  return {
    key: {
      kid: buildKeyIdentifier(authority, name, version.version),
      kty: spec.keyType,
      key_ops: version.operations,
      ...publicMembers(version.publicKey),
    },
    attributes: attributeMembers(version),
    tags: tagMembers(version),
    release_policy: releasePolicy === undefined ? undefined : releasePolicyMembers(releasePolicy),
  };
}

function publicMembers(key: PublicKey): Record<string, string> {
  if (key.keyType === 'RSA-HSM') return { n: encodeBase64url(key.modulus), e: encodeBase64url(key.publicExponent) };
  if (key.keyType === 'EC-HSM') return { crv: key.curve, x: encodeBase64url(key.x), y: encodeBase64url(key.y) };
  return {};
}
