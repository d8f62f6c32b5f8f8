import type { JWTPayload, ProtectedHeaderParameters } from 'jose';
import { LIMITS } from '../model/limits.ts';
import { parseStrictJson } from '../model/strict_json.ts';

/** What a token says before anybody has verified it. */
export interface UnverifiedToken {
  readonly header: ProtectedHeaderParameters;
  readonly claims: JWTPayload;
}

const SEGMENTS = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a token in JWS compact serialisation, without the freedom that JSON leaves: a member that stands twice would be read one way here
 * and another way elsewhere (RFC 8725 §2.4), and a signature with stray bits behind its end would make two tokens of one. `undefined` when
 * it is none.
 */
export function readUnverified(text: string): UnverifiedToken | undefined {
  if (text.length > LIMITS.accessTokenCharacters) return undefined;
  const [, header, claims, signature] = SEGMENTS.exec(text) ?? [];
  if (header === undefined || claims === undefined || signature === undefined) return undefined;
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature) return undefined;
  try {
    return { header: readObject(header) as ProtectedHeaderParameters, claims: readObject(claims) };
  } catch {
    return undefined;
  }
}

function readObject(segment: string): Record<string, unknown> {
  const value = parseStrictJson(decoder.decode(Buffer.from(segment, 'base64url')), 'token', 'something else');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('no object');
  return value as Record<string, unknown>;
}
