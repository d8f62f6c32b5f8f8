import { hostNames } from '../config/host_names.ts';
import type { Configuration } from '../config/settings.ts';
import { Audiences } from '../identity/audience.ts';
import { Authenticator } from '../identity/authenticator.ts';
import { DirectoryChanges } from '../identity/embedded/directory_changes.ts';
import { EmbeddedIssuer } from '../identity/embedded/embedded_issuer.ts';
import type { ListedIssuer } from '../identity/issuers_file.ts';
import type { DirectoryService } from '../server/graph/serve_graph.ts';
import type { AnnouncedIssuer } from '../server/hosts.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import type { OpenedIdentity } from './open_identity.ts';
import { openIssuers } from './open_issuers.ts';

/** What clients of Microsoft Graph ask for, by its address and by its id. */
const GRAPH_NAMES = ['https://graph.microsoft.com', '00000003-0000-0000-c000-000000000000'];

interface OpenedIssuing {
  /** The built-in issuer, unless it is switched off. */
  readonly issuer: EmbeddedIssuer | undefined;
  /** Its directory, for those who may change it. */
  readonly directory: DirectoryService | undefined;
  readonly announced: AnnouncedIssuer;
  readonly authenticator: Authenticator;
}

/** Who gives access tokens, and whose are believed. @throws ConfigurationError */
export function openIssuing(
  configuration: Configuration,
  documents: SealedDocuments,
  { tenantId, directory, keys, federatedKeys }: OpenedIdentity,
  listed: readonly ListedIssuer[],
): OpenedIssuing {
  const host = hostNames(configuration).login;
  const resources = new Audiences(configuration.domain);
  const directoryResources = new Audiences(host, GRAPH_NAMES);
  const issuer = configuration.identity.embedded
    ? new EmbeddedIssuer({ host, directory, keys, federatedKeys, resources, directoryResources, documents })
    : undefined;
  const { trusted, announced } = openIssuers(configuration, listed, { host, tenantId, trusted: issuer?.trusted });
  const service =
    issuer === undefined
      ? undefined
      : {
          source: directory,
          changes: new DirectoryChanges(directory),
          authenticator: new Authenticator([issuer.trustedByDirectory]),
        };
  return { issuer, directory: service, announced, authenticator: new Authenticator(trusted) };
}
