import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A client secret as it is kept: only good for telling whether a given one is the same (RFC 7914). */
export interface ClientSecretHash {
  readonly algorithm: 'scrypt';
  readonly cost: number;
  readonly blockSize: number;
  readonly salt: string;
  readonly hash: string;
}

const HASH_BYTES = 32;
const SALT_BYTES = 16;
const COST = 16_384;
const BLOCK_SIZE = 8;

/** 256 bits from the operating system, in letters that survive a shell and a form. */
export function newClientSecret(): string {
  return randomBytes(32).toString('base64url');
}

export async function hashClientSecret(secret: string): Promise<ClientSecretHash> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, salt, COST, BLOCK_SIZE);
  return {
    algorithm: 'scrypt',
    cost: COST,
    blockSize: BLOCK_SIZE,
    salt: salt.toString('base64url'),
    hash: hash.toString('base64url'),
  };
}

export async function isClientSecret(secret: string, kept: ClientSecretHash): Promise<boolean> {
  const expected = Buffer.from(kept.hash, 'base64url');
  const derived = await derive(secret, Buffer.from(kept.salt, 'base64url'), kept.cost, kept.blockSize);
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

/** Stands in for the hash of an application that does not exist, so that asking for one takes as long as asking for another. */
export const NO_SECRET: ClientSecretHash = {
  algorithm: 'scrypt',
  cost: COST,
  blockSize: BLOCK_SIZE,
  salt: randomBytes(SALT_BYTES).toString('base64url'),
  hash: randomBytes(HASH_BYTES).toString('base64url'),
};

function derive(secret: string, salt: Uint8Array, cost: number, blockSize: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, HASH_BYTES, { N: cost, r: blockSize, p: 1 }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
