import { readFile } from 'node:fs/promises';
import type { ManagedIdentity } from './managed_identity.ts';

/** What the operator of a machine says of who its processes may be. */
export interface ListedIdentity {
  readonly name: string;
  readonly kind: ManagedIdentity['managedIdentity'];
  readonly localUsers: readonly number[];
}

/** What of the file is not as it has to be. */
export class IdentitiesFileError extends Error {
  override readonly name = 'IdentitiesFileError';
}

const NAME = /^[a-z0-9][a-z0-9-]{2,63}$/;
const MOST_IDENTITIES = 256;
const MOST_USERS = 64;
/** Linux shows users that have no number in this namespace as this one, which may be anybody. */
const NOBODY = 65_534;
const LARGEST_USER = 2 ** 32 - 2;
const MEMBERS: ReadonlySet<string> = new Set(['name', 'kind', 'localUsers']);

/** @throws IdentitiesFileError */
export async function readIdentitiesFile(path: string): Promise<readonly ListedIdentity[]> {
  const { identities, ...rest } = requireObject(await readJson(path), path);
  if (Object.keys(rest).length > 0 || !Array.isArray(identities) || identities.length > MOST_IDENTITIES) {
    throw new IdentitiesFileError(
      `${path}: expected a list of at most ${MOST_IDENTITIES} for identities, and nothing else.`,
    );
  }
  const listed = identities.map((each, index) => readIdentity(each, `${path}: identities[${index}]`));
  refuseTwice(
    listed.map(({ name }) => name),
    (name) => `${path} has ${name} twice.`,
  );
  const ofSystem = listed.filter(({ kind }) => kind === 'systemAssigned').flatMap(({ localUsers }) => localUsers);
  refuseTwice(ofSystem, (user) => `${path}: the local user ${user} has two systemAssigned identities.`);
  return listed;
}

function readIdentity(value: unknown, place: string): ListedIdentity {
  const members = requireObject(value, place);
  const unknown = Object.keys(members).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw new IdentitiesFileError(`${place} has the unknown member ${unknown}.`);
  const { name, kind, localUsers } = members;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new IdentitiesFileError(`${place}: expected 3 to 64 letters in lower case, digits or hyphens for name.`);
  }
  if (kind !== 'systemAssigned' && kind !== 'userAssigned') {
    throw new IdentitiesFileError(`${place}: expected systemAssigned or userAssigned for kind.`);
  }
  const isList = Array.isArray(localUsers) && localUsers.length <= MOST_USERS && localUsers.every(isUser);
  if (!isList || (kind === 'systemAssigned' && localUsers.length !== 1)) {
    const many = kind === 'systemAssigned' ? 'one' : `at most ${MOST_USERS}`;
    throw new IdentitiesFileError(
      `${place}: expected a list of ${many} for localUsers, by number (uid), without ${NOBODY}.`,
    );
  }
  return { name, kind, localUsers };
}

function isUser(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LARGEST_USER && value !== NOBODY;
}

function refuseTwice<T>(values: readonly T[], message: (value: T) => string): void {
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw new IdentitiesFileError(message(twice));
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new IdentitiesFileError(code === undefined ? `${path} is no JSON.` : `${path} cannot be read (${code}).`);
  }
}

function requireObject(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new IdentitiesFileError(`${place}: expected an object.`);
}
