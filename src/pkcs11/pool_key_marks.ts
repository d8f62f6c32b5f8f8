import { createHash } from 'node:crypto';
import { decodeEcPoint } from './ec_point.ts';
import { importTemplate } from './key_template.ts';
import { POOL_KEY_LABEL, type PoolKeyName } from './pool_key_template.ts';

/** What shows whether two tokens have the same pool keys. It tells nothing of their values. A key that is not there has none. */
export type PoolKeyMarks = { readonly [Name in PoolKeyName]?: string | undefined };

/** What is sealed, and what is wrapped, to tell one seal key and one KEK from another. */
export const SEALED = Buffer.from('strongroom: which seal key is this?', 'utf8');
const WRAPPED = createHash('sha256').update('strongroom: which KEK is this?').digest();
export const WRAPPED_BYTES = 64;

/** For C_CreateObject of the known key that a KEK wraps: it comes out of its wrapping the same each time (RFC 5649). */
export function wrappedKeyTemplate(): Uint8Array {
  const material = { keyType: 'oct-HSM', value: new Uint8Array(WRAPPED) } as const;
  return importTemplate(material, { kind: 'session', private: true }, 'extractable');
}

/** Of what the key has made of the thing that it was given. */
export function markOf(...bytes: readonly Uint8Array[]): string {
  return createHash('sha256').update(Buffer.concat(bytes)).digest('hex');
}

/** Of CKA_EC_POINT, in whichever form the token gives it. */
export function markOfPoint(point: Uint8Array): string {
  const { x, y } = decodeEcPoint('P-256', point);
  return markOf(x, y);
}

/** Which of the keys that both have differ. */
export function differences(one: PoolKeyMarks, other: PoolKeyMarks): PoolKeyName[] {
  const names = Object.keys(POOL_KEY_LABEL) as PoolKeyName[];
  return names.filter((name) => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]);
}

export function hasMarks(marks: PoolKeyMarks): boolean {
  return Object.values(marks).some((mark) => mark !== undefined);
}
