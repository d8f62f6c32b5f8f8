import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import type { PublicKey } from '../model/key.ts';

/** What the pool's audit key signs: that the first `treeSize` lines of a chain are these and no others. */
export interface TreeHead {
  readonly chain: string;
  readonly treeSize: number;
  /** In hex. */
  readonly rootHash: string;
  /** ISO 8601. */
  readonly time: string;
}

export interface SignedHead extends TreeHead {
  /** ECDSA P-256 over SHA-256, as r ‖ s in base64url. */
  readonly signature: string;
}

/** The pool, as far as the log needs it. */
export interface HeadSigner {
  /** Over a SHA-256 digest, as r ‖ s. */
  signAuditHead(digest: Uint8Array): Promise<Uint8Array>;
}

export async function signHead(head: TreeHead, signer: HeadSigner): Promise<SignedHead> {
  const signature = await signer.signAuditHead(hash('sha256', signedBytes(head), 'buffer'));
  return { ...head, signature: Buffer.from(signature).toString('base64url') };
}

export function isSignedBy(head: SignedHead, key: KeyObject): boolean {
  const signature = Buffer.from(head.signature, 'base64url');
  return verify('sha256', signedBytes(head), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** The members of a head's own line; the chain is one that every line has. */
export function headMembers({ time, treeSize, rootHash, signature }: SignedHead): string {
  return `"category":"AuditHead",${JSON.stringify({ time, treeSize, rootHash, signature }).slice(1, -1)}`;
}

const HASH = /^[0-9a-f]{64}$/;
/** Sixty-four bytes. The last character stands for two bits and no more: one with others in it is a second way to write the same. */
const SIGNATURE = /^[0-9A-Za-z_-]{85}[AQgw]$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** The head that a JSON object holds, if it holds one. */
export function readHead(value: unknown): SignedHead | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { chain, treeSize, rootHash, time, signature } = value as Record<keyof SignedHead, unknown>;
  if (typeof chain !== 'string' || typeof treeSize !== 'number' || !Number.isSafeInteger(treeSize)) return undefined;
  if (typeof rootHash !== 'string' || !HASH.test(rootHash)) return undefined;
  if (typeof time !== 'string' || !TIME.test(time)) return undefined;
  if (typeof signature !== 'string' || !SIGNATURE.test(signature)) return undefined;
  return { chain, treeSize, rootHash, time, signature };
}

/** The public half of the pool's audit key, ready to verify. */
export function auditKey({ x, y }: Extract<PublicKey, { keyType: 'EC-HSM' }>): KeyObject {
  const coordinate = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x: coordinate(x), y: coordinate(y) } });
}

/** SubjectPublicKeyInfo in base64, as lines of the log name a key. */
export function keyText(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64');
}

export function readKeyText(text: string): KeyObject | undefined {
  try {
    return createPublicKey({ format: 'der', type: 'spki', key: Buffer.from(text, 'base64') });
  } catch {
    return undefined;
  }
}

/** One line each, none of which can hold a line break: so no two heads give the same bytes. */
function signedBytes({ chain, treeSize, rootHash, time }: TreeHead): Buffer {
  return Buffer.from(`strongroom/audit_head/1\n${chain}\n${treeSize}\n${rootHash}\n${time}\n`, 'utf8');
}
