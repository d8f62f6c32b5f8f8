import type { Transaction } from './postgres_connections.ts';
import { encryptionLimitReached, keyVersionNotFound } from './store_refusal.ts';

export interface Reservation {
  readonly name: string;
  readonly version: string;
  readonly count: number;
  readonly maximum: number;
}

const FIND_VERSION = `SELECT encryption_count.reserved FROM key_version
  LEFT JOIN encryption_count ON encryption_count.name = key_version.name AND encryption_count.version = key_version.version
  WHERE key_version.name = $1 AND key_version.version = $2`;
const PUT = `INSERT INTO encryption_count (name, version, reserved) VALUES ($1, $2, $3)
  ON CONFLICT (name, version) DO UPDATE SET reserved = excluded.reserved`;

/** Counts AES-GCM encryptions, and answers the count before. @throws StrongroomError `KeyNotFound` or `Forbidden` */
export async function reserveEncryptions(
  transaction: Transaction,
  { name, version, count, maximum }: Reservation,
): Promise<number> {
  const { rows } = await transaction.run(FIND_VERSION, [name, version]);
  if (rows[0] === undefined) throw keyVersionNotFound(name, version);
  const before = Number(rows[0].reserved ?? 0);
  if (before + count > maximum) throw encryptionLimitReached();
  await transaction.run(PUT, [name, version, before + count]);
  return before;
}
