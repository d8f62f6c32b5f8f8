import { join } from 'node:path';
import type { DataDirectory } from './data_directory.ts';
import { readPrivateFile, writePrivateFile } from './private_file.ts';

/** A managed identity, as whoever sets up its processes has to know it. */
export interface KnownIdentity {
  readonly name: string;
  readonly kind: string;
  readonly objectId: string;
  readonly clientId: string;
  readonly resourceId: string;
  readonly localUsers: readonly number[];
}

/** What a server writes down of its managed identities, for the command line. */
export interface KnownIdentities {
  /** Of the endpoint in the form of App Service, with the word that its requests carry. */
  readonly endpoint: string;
  readonly header: string;
  readonly identities: readonly KnownIdentity[];
}

export async function readKnownIdentities(directory: DataDirectory): Promise<KnownIdentities | undefined> {
  const text = await readPrivateFile(pathIn(directory));
  return text === undefined ? undefined : (JSON.parse(text) as KnownIdentities);
}

export async function writeKnownIdentities(directory: DataDirectory, known: KnownIdentities): Promise<void> {
  await writePrivateFile(pathIn(directory), `${JSON.stringify(known, undefined, 2)}\n`);
}

function pathIn({ identity }: DataDirectory): string {
  return join(identity, 'managed_identities.json');
}
