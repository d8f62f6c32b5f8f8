import { LIMITS } from '../../model/limits.ts';
import type { AttemptBudget } from './attempt_budget.ts';
import type { DirectorySource } from './directory.ts';
import type { Tenant, User } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';
import { LockOuts } from './lock_outs.ts';
import { isPassword, NO_PASSWORD } from './password.ts';
import { Turns } from './turns.ts';

/** What a person shows. */
export interface SignInAttempt {
  readonly tenant: Tenant;
  readonly userName: string;
  readonly password: string;
  /** Where the person is. */
  readonly address: string;
}

/** A user whose password has been seen. */
export interface SignedInUser {
  readonly user: User;
  readonly passwordSalt: string;
}

/** Tells whether people are who they say. Nothing of the answer, nor how long it takes, depends on whether there is somebody of that name. */
export class UserAuthenticator {
  readonly #directory: DirectorySource;
  readonly #budget: AttemptBudget;
  readonly #lockOuts: LockOuts;
  readonly #turns = new Turns(LIMITS.passwordChecks, LIMITS.passwordChecksWaiting, () => tooManyRequests());

  constructor(directory: DirectorySource, budget: AttemptBudget, lockOuts = new LockOuts()) {
    this.#directory = directory;
    this.#budget = budget;
    this.#lockOuts = lockOuts;
  }

  find(tenant: Tenant, userName: string): User | undefined {
    return this.#directory.current.findUser(tenant.id, canonicalName(userName));
  }

  /** @throws EntraError `tooManyRequests`, `userLockedOut`, `wrongPassword` or `userDisabled` */
  async authenticate({ tenant, userName, password, address }: SignInAttempt): Promise<SignedInUser> {
    if (!this.#budget.take(address)) throw tooManyRequests();
    const user = this.find(tenant, userName);
    const subject = user?.id ?? `${tenant.id} ${canonicalName(userName)}`;
    return this.#turns.run(async () => {
      if (this.#lockOuts.isLocked(subject, address)) throw lockedOut();
      const locks = this.#lockOuts.attempt(subject, address);
      const kept = user?.password;
      const isRight = await isPassword(password, kept ?? NO_PASSWORD);
      if (!isRight || user === undefined || kept === undefined) throw locks ? lockedOut() : wrongPassword();
      if (!user.isEnabled) throw new EntraError('userDisabled', 'The user account is disabled.');
      this.#lockOuts.succeeded(subject, address);
      this.#budget.giveBack(address);
      return { user, passwordSalt: kept.salt };
    });
  }
}

/** One form of all that people type for the same name, so that another form is not another one to guess at. */
function canonicalName(userName: string): string {
  return userName.slice(0, LIMITS.userNameCharacters).trim().normalize('NFKC').toLowerCase();
}

function wrongPassword(): EntraError {
  return new EntraError('wrongPassword', 'Error validating credentials due to invalid username or password.');
}

function lockedOut(): EntraError {
  return new EntraError(
    'userLockedOut',
    'The account is locked for a while, because there were too many wrong passwords.',
  );
}

function tooManyRequests(): EntraError {
  return new EntraError('tooManyRequests', 'Too many attempts. Wait for some seconds.');
}
