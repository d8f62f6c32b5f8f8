import type { DeletedKey, KeyVersion } from '../../engine/requests.ts';
import { buildKeyIdentifier } from '../../model/key_identifier.ts';
import { attributeMembers, deletionMembers, tagMembers } from './key_bundle.ts';

/** KeyListResult of keys: each without a version, and with the attributes of its newest (Azure API §1.6). */
export function keyList(authority: string, keys: readonly KeyVersion[], nextLink: string | null): string {
  return listOf(
    keys.map((key) => itemMembers(buildKeyIdentifier(authority, key.name), key)),
    nextLink,
  );
}

/** KeyListResult of versions. */
export function keyVersionList(authority: string, versions: readonly KeyVersion[], nextLink: string | null): string {
  return listOf(
    versions.map((each) => itemMembers(buildKeyIdentifier(authority, each.name, each.version), each)),
    nextLink,
  );
}

/** DeletedKeyListResult. */
export function deletedKeyList(authority: string, keys: readonly DeletedKey[], nextLink: string | null): string {
  return listOf(
    keys.map((key) => ({
      ...itemMembers(buildKeyIdentifier(authority, key.name), key),
      ...deletionMembers(authority, key),
    })),
    nextLink,
  );
}

function itemMembers(kid: string, version: KeyVersion) {
  return { kid, attributes: attributeMembers(version), tags: tagMembers(version) };
}

/** `value` is a list even when it is empty: some clients end in an error otherwise (Azure API §1.7). */
function listOf(value: readonly object[], nextLink: string | null): string {
  return JSON.stringify({ value, nextLink });
}
