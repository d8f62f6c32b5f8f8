import { chmod, mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigurationError } from './configuration_error.ts';

/** Where each thing lies that the server keeps. Absolute paths. */
export interface DataDirectory {
  readonly path: string;
  readonly store: string;
  /** SoftHSM's configuration, tokens and PINs, when the token is ours; beside it those of further ones (`ownTokenDirectory`). */
  readonly token: string;
  /** What operators have decided of the tokens of this machine. */
  readonly tokenDecisions: string;
  readonly tls: string;
  readonly identity: string;
  /** The custodians and the security domain of a pool that activated itself. */
  readonly securityDomain: string;
  /** There while a recovery is under way: who finds it at its start finishes or undoes one. */
  readonly recovery: string;
  /** What was done, and by whom. */
  readonly audit: string;
  /** What `strongroom env` prints, the client secret included. */
  readonly environment: string;
}

export function dataDirectory(path: string): DataDirectory {
  const root = resolve(path);
  return {
    path: root,
    store: join(root, 'strongroom.sqlite'),
    token: join(root, 'token'),
    tokenDecisions: join(root, 'tokens.json'),
    tls: join(root, 'tls'),
    identity: join(root, 'identity'),
    securityDomain: join(root, 'security_domain'),
    recovery: join(root, 'recovery.json'),
    audit: join(root, 'audit'),
    environment: join(root, 'environment.json'),
  };
}

/** Of the nth token of our own: `token`, `token_2` … Each has all that is its own, so that nothing that befalls one of them touches another. */
export function ownTokenDirectory({ token }: DataDirectory, place: number): string {
  return place === 1 ? token : `${token}_${place}`;
}

/**
 * Makes what is missing, for the owner alone.
 * @throws ConfigurationError when the directory is open to other users: what lies in it may have been read or changed already.
 */
export async function createDataDirectory(directory: DataDirectory): Promise<void> {
  const created = await mkdir(directory.path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw unusable(`${directory.path} cannot be made (${(error as NodeJS.ErrnoException).code}).`);
  });
  if (created !== undefined) await chmod(directory.path, 0o700);
  const { mode, uid } = await stat(directory.path);
  if ((mode & 0o077) !== 0) {
    throw unusable(`${directory.path} is open to other users (mode ${(mode & 0o777).toString(8)}): set it to 700.`);
  }
  if (uid !== process.getuid?.()) throw unusable(`${directory.path} belongs to another user.`);
  await Promise.all([directory.tls, directory.identity].map((path) => mkdir(path, { recursive: true, mode: 0o700 })));
}

function unusable(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'dataDir', message }]);
}
