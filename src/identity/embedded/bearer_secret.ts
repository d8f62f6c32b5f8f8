import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const ID_BYTES = 16;
const SECRET_BYTES = 32;

/** Made of ids that say where to look, and of a secret of which a digest alone is kept: codes and refresh tokens, opaque to those who hold them. */
export interface BearerSecret {
  readonly ids: readonly string[];
  readonly digest: string;
}

/** `ids` are GUIDs. */
export function newBearerSecret(ids: readonly string[]): BearerSecret & { readonly text: string } {
  const bytes = Buffer.concat([
    ...ids.map((id) => Buffer.from(id.replaceAll('-', ''), 'hex')),
    randomBytes(SECRET_BYTES),
  ]);
  return { text: bytes.toString('base64url'), ids, digest: digestOf(bytes) };
}

/** Undefined when it cannot be one of ours. */
export function readBearerSecret(text: string, idCount: number): BearerSecret | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== idCount * ID_BYTES + SECRET_BYTES || bytes.toString('base64url') !== text) return undefined;
  const ids = Array.from({ length: idCount }, (_, index) => guidAt(bytes, index * ID_BYTES));
  return { ids, digest: digestOf(bytes) };
}

export function isSameDigest(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left, 'base64url'), Buffer.from(right, 'base64url')];
  return one.length === other.length && timingSafeEqual(one, other);
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

function guidAt(bytes: Buffer, start: number): string {
  const hex = bytes.toString('hex', start, start + ID_BYTES);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
