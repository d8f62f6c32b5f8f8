import { ConfigurationError } from '../config/configuration_error.ts';
import type { Configuration } from '../config/settings.ts';
import { announcedResources } from '../identity/audience.ts';
import { authorizationOf, issuerNames, trustIssuer } from '../identity/configured_issuer.ts';
import type { TrustedIssuer } from '../identity/issuer.ts';
import { IssuersFileError, type ListedIssuer, readIssuersFile } from '../identity/issuers_file.ts';
import type { AnnouncedIssuer } from '../server/hosts.ts';

export interface OpenedIssuers {
  readonly trusted: readonly TrustedIssuer[];
  /** Whom the challenge sends clients to: the built-in issuer, or the first of the file where that is switched off. */
  readonly announced: AnnouncedIssuer;
}

/** The built-in issuer as it opens beside others. */
export interface EmbeddedPlace {
  readonly host: string;
  readonly tenantId: string;
  /** Absent where it is switched off. */
  readonly trusted: TrustedIssuer | undefined;
}

/** Those whose access tokens are believed. @throws ConfigurationError when the operator's file will not do, or names the built-in issuer */
export function openIssuers(
  configuration: Configuration,
  listed: readonly ListedIssuer[],
  embedded: EmbeddedPlace,
): OpenedIssuers {
  const { domain, listen, network, identity } = configuration;
  const { host, tenantId } = embedded;
  const own = embedded.trusted === undefined ? [] : [embedded.trusted];
  const configured = listed.filter((each) => each.kind !== 'federated');
  const taken = configured.flatMap(issuerNames).find((name) => own.some((each) => each.issues(name)));
  if (taken !== undefined) throw unusable(`${identity.issuersFile} names the built-in issuer: ${taken}.`);
  const ports = [...listen, ...network.privateListen].map(({ port }) => port);
  const believer = { resources: announcedResources(domain, ports), tenantId };
  const [first] = configured;
  return {
    trusted: [...own, ...configured.map((each) => trustIssuer(each, believer))],
    announced:
      own.length > 0 || first === undefined
        ? { kind: 'embedded', host, tenantId }
        : { kind: 'configured', authorization: authorizationOf(first) },
  };
}

/** What the operator's file lists. @throws ConfigurationError when it will not do */
export async function readIssuers({ identity }: Configuration): Promise<readonly ListedIssuer[]> {
  if (identity.issuersFile === undefined) return [];
  try {
    return await readIssuersFile(identity.issuersFile);
  } catch (error) {
    if (!(error instanceof IssuersFileError)) throw error;
    throw unusable(error.message);
  }
}

function unusable(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'identity.issuersFile', message }]);
}
