import { badParameter } from './errors.ts';
import { LIMITS } from './limits.ts';

const KEY_NAME = new RegExp(`^[0-9a-zA-Z-]{1,${LIMITS.keyNameCharacters}}$`);
const KEY_VERSION = /^[0-9a-f]{32}$/;
/** A host name or an address, and its port. */
const AUTHORITY = /^(?:[0-9a-z](?:[0-9a-z.-]*[0-9a-z])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?$/;
const KEY_IDENTIFIER = /^https:\/\/([^/?#]+)\/keys\/([^/?#]+)(?:\/([^/?#]+))?$/;

/** Which key, and where: `https://host[:port]/keys/name[/version]` (Azure API §1.6). */
export interface KeyIdentifier {
  /** Host and port, in lower case. */
  readonly authority: string;
  readonly name: string;
  /** Absent where the newest version is meant. */
  readonly version: string | undefined;
}

/** The `kid` of a key version; without a version, that of the key. */
export function buildKeyIdentifier(authority: string, name: string, version?: string): string {
  const key = `https://${authority}/keys/${name}`;
  return version === undefined ? key : `${key}/${version}`;
}

/** @throws StrongroomError `BadParameter` when it is not a key identifier. */
export function parseKeyIdentifier(identifier: unknown, parameter = 'kid'): KeyIdentifier {
  const match = typeof identifier === 'string' ? KEY_IDENTIFIER.exec(identifier) : null;
  const authority = match?.[1]?.toLowerCase();
  if (authority === undefined || !AUTHORITY.test(authority)) {
    throw badParameter(parameter, 'https://{host}/keys/{name}/{version}', identifier);
  }
  const version = match?.[3];
  return {
    authority,
    name: requireKeyName(match?.[2], parameter),
    version: version === undefined ? undefined : requireKeyVersion(version, parameter),
  };
}

/** The name itself, when it is one. @throws StrongroomError `BadParameter`. */
export function requireKeyName(name: unknown, parameter = 'key-name'): string {
  if (typeof name === 'string' && KEY_NAME.test(name)) return name;
  throw badParameter(parameter, `a key name of 1 to ${LIMITS.keyNameCharacters} letters, digits and hyphens`, name);
}

/** The version itself, when it is one. @throws StrongroomError `BadParameter`. */
export function requireKeyVersion(version: unknown, parameter = 'key-version'): string {
  if (typeof version === 'string' && KEY_VERSION.test(version)) return version;
  throw badParameter(parameter, 'a key version of 32 lower-case hexadecimal digits', version);
}
