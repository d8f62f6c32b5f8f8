import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { LIMITS } from '../../model/limits.ts';

/** A password as it is kept: only good for telling whether a given one is the same (RFC 9106). */
export interface PasswordHash {
  readonly algorithm: 'argon2id';
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  /** New with every password, so it also tells one password of a user from the next. */
  readonly salt: string;
  readonly hash: string;
}

/** The second recommended choice of RFC 9106 §4. */
const COST = { memoryKib: 64 * 1024, passes: 3, lanes: 4 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  return {
    algorithm: 'argon2id',
    ...COST,
    salt,
    hash: (await derive(password, { ...COST, salt })).toString('base64url'),
  };
}

export async function isPassword(password: string, kept: PasswordHash): Promise<boolean> {
  const expected = Buffer.from(kept.hash, 'base64url');
  // A longer one cannot be right, and is not worth the work; the work is done on less, so that it takes as long.
  const derived = await derive(password.slice(0, LIMITS.passwordCharacters), kept);
  const isWhole = password.length <= LIMITS.passwordCharacters;
  return expected.length === derived.length && timingSafeEqual(expected, derived) && isWhole;
}

/** Stands in for the password of a user who does not exist, so that asking for one takes as long as asking for another. */
export const NO_PASSWORD: PasswordHash = {
  algorithm: 'argon2id',
  ...COST,
  salt: randomBytes(SALT_BYTES).toString('base64url'),
  hash: randomBytes(HASH_BYTES).toString('base64url'),
};

/** What keeps a text from being a password of this user, in words to show (SP 800-63B §3.1.1.2: length counts, not the kinds of letters). */
export function passwordComplaint(password: string, userName: string): string | undefined {
  const { length } = password;
  if (length < LIMITS.passwordCharactersLeast || length > LIMITS.passwordCharacters) {
    return `Expected ${LIMITS.passwordCharactersLeast} to ${LIMITS.passwordCharacters} characters for the password, received ${length}.`;
  }
  const [account = userName] = userName.toLowerCase().split('@');
  if (account !== '' && password.toLowerCase().replaceAll(account, '').length < LIMITS.passwordCharactersLeast / 2) {
    return 'Expected a password that is more than the name of the user.';
  }
  return new Set(password).size < DIFFERENT_CHARACTERS
    ? 'Expected a password of more than a few characters repeated.'
    : undefined;
}

const DIFFERENT_CHARACTERS = 5;

/** One form of letters that look the same, whichever keyboard they come from (SP 800-63B §3.1.1.2). */
function derive(
  password: string,
  { memoryKib, passes, lanes, salt }: Pick<PasswordHash, 'memoryKib' | 'passes' | 'lanes' | 'salt'>,
): Promise<Buffer> {
  const parameters = {
    message: password.normalize('NFKC'),
    nonce: Buffer.from(salt, 'base64url'),
    memory: memoryKib,
    passes,
    parallelism: lanes,
    tagLength: HASH_BYTES,
  };
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
