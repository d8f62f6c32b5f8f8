/** The operations that are compared; 64 bytes of input where the size is the caller's to choose. */
export interface OperationRow {
  readonly id: string;
  readonly title: string;
  /** Longer where an operation is slow, so that a slice counts enough of them. */
  readonly measureMs: number;
}

export const OPERATIONS = [
  { id: 'rsa-2048', title: 'RSA-2048 sign', measureMs: 70 },
  { id: 'p-256', title: 'P-256 sign', measureMs: 30 },
  { id: 'aes-256-gcm', title: 'AES-256-GCM encrypt, 64 B', measureMs: 30 },
  { id: 'hmac-sha256', title: 'HMAC-SHA256, 64 B', measureMs: 30 },
  { id: 'random', title: 'random, 32 B', measureMs: 30 },
] as const satisfies readonly OperationRow[];

export type OperationId = (typeof OPERATIONS)[number]['id'];

export const INPUT_BYTES = 64;
export const RANDOM_BYTES = 32;
export const DIGEST_BYTES = 32;
