import { hostNames } from '../config/host_names.ts';
import type { Configuration } from '../config/settings.ts';
import { Audiences } from '../identity/audience.ts';
import { Authenticator } from '../identity/authenticator.ts';
import { EmbeddedIssuer } from '../identity/embedded/embedded_issuer.ts';
import type { ListedIssuer } from '../identity/issuers_file.ts';
import type { AnnouncedIssuer } from '../server/hosts.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import type { OpenedIdentity } from './open_identity.ts';
import { openIssuers } from './open_issuers.ts';

interface OpenedIssuing {
  /** The built-in issuer, unless it is switched off. */
  readonly issuer: EmbeddedIssuer | undefined;
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
  const issuer = configuration.identity.embedded
    ? new EmbeddedIssuer({ host, directory, keys, federatedKeys, resources, documents })
    : undefined;
  const { trusted, announced } = openIssuers(configuration, listed, { host, tenantId, trusted: issuer?.trusted });
  return { issuer, announced, authenticator: new Authenticator(trusted) };
}
