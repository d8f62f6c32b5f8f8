import { join } from 'node:path';
import type { Logger } from 'pino';
import type { DataDirectory } from '../config/data_directory.ts';
import { readPrivateFile, writePrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { findKeys } from '../identity/configured_issuer.ts';
import type { FederatedIssuerKeys } from '../identity/embedded/federated_keys.ts';
import { FederatedKeys } from '../identity/embedded/federated_keys.ts';
import { type FirstApplication, openFirstApplication, openOrigin } from '../identity/embedded/first_application.ts';
import { type KeyFile, SigningKeys } from '../identity/embedded/signing_keys.ts';
import { StoredDirectory } from '../identity/embedded/stored_directory.ts';
import type { ListedIssuer } from '../identity/issuers_file.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';

/** The directory and what the built-in issuer works with. */
export interface OpenedIdentity {
  readonly tenantId: string;
  readonly directory: StoredDirectory;
  readonly keys: SigningKeys;
  readonly federatedKeys: FederatedKeys;
  /** The one that `strongroom env` speaks for, unless it has been deleted. */
  readonly first: FirstApplication | undefined;
}

export interface IdentityParts {
  readonly documents: SealedDocuments;
  /** The secret of the environment file, where there is one. Of a secret the store has a hash alone. */
  readonly knownSecret: string | undefined;
  readonly listed: readonly ListedIssuer[];
  readonly log: Logger;
}

const KEY_CHECK_MS = 60_000;

/** Made on the first start, kept in the store from then on. @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
export async function openIdentity(
  { tenant }: Configuration,
  files: DataDirectory,
  { documents, knownSecret, listed, log }: IdentityParts,
): Promise<OpenedIdentity> {
  const onTrouble = (error: unknown): void =>
    log.error({ err: error }, 'the directory could not be brought up to date');
  const origin = await openOrigin(documents, tenant);
  const { tenantId } = origin.content;
  const [directory, keys] = await Promise.all([
    StoredDirectory.open(documents, tenantId, onTrouble),
    SigningKeys.open({ documents, file: keyFile(files), onTrouble }),
  ]);
  const first = await openFirstApplication(documents, directory, origin, knownSecret);
  setInterval(() => void keys.keepFresh().catch(onTrouble), KEY_CHECK_MS).unref();
  return { tenantId, directory, keys, federatedKeys: new FederatedKeys(federatedIssuers(listed)), first };
}

function keyFile({ identity }: DataDirectory): KeyFile {
  const path = join(identity, 'signing_key.pem');
  return { read: () => readPrivateFile(path), write: (pem) => writePrivateFile(path, pem) };
}

function federatedIssuers(listed: readonly ListedIssuer[]): ReadonlyMap<string, FederatedIssuerKeys> {
  const owner = 'the issuer of the client assertion';
  const federated = listed.filter((each) => each.kind === 'federated');
  return new Map(
    federated.map(({ issuer, algorithms, keys }) => [
      issuer,
      { algorithms, keys: findKeys(keys, [issuer], owner, Date.now) },
    ]),
  );
}
