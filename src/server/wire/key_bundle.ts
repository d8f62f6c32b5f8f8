import type { KeyVersion } from '../../engine/requests.ts';
import type { PublicKey } from '../../model/key.ts';
import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import { encodeBase64url } from './base64url.ts';

/** KeyBundle: a key version with its public half, never a private member (Azure API §1.10). */
export function keyBundle(authority: string, version: KeyVersion): string {
  const { name, spec, tags } = version;
  return JSON.stringify({
    key: {
      kid: buildKeyIdentifier(authority, name, version.version),
      kty: spec.keyType,
      key_ops: version.operations,
      ...publicMembers(version.publicKey),
    },
    attributes: {
      enabled: version.enabled,
      nbf: version.notBefore,
      exp: version.expires,
      created: version.created,
      updated: version.updated,
      exportable: version.exportable,
      key_size: spec.keyType === 'oct-HSM' ? spec.size : undefined,
    },
    tags: Object.keys(tags).length === 0 ? undefined : tags,
  });
}

function publicMembers(key: PublicKey): Record<string, string> {
  if (key.keyType === 'RSA-HSM') return { n: encodeBase64url(key.modulus), e: encodeBase64url(key.publicExponent) };
  if (key.keyType === 'EC-HSM') return { crv: key.curve, x: encodeBase64url(key.x), y: encodeBase64url(key.y) };
  return {};
}
