import { ConfigurationError } from '../config/configuration_error.ts';
import type { Configuration } from '../config/settings.ts';
import { announcedResources } from '../identity/audience.ts';
import { authorizationOf, type ConfiguredIssuer, issuerNames, trustIssuer } from '../identity/configured_issuer.ts';
import type { TrustedIssuer } from '../identity/issuer.ts';
import { IssuersFileError, readIssuersFile } from '../identity/issuers_file.ts';
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
export async function openIssuers(configuration: Configuration, embedded: EmbeddedPlace): Promise<OpenedIssuers> {
  const { domain, listen, network, identity } = configuration;
  const { host, tenantId } = embedded;
  const own = embedded.trusted === undefined ? [] : [embedded.trusted];
  const configured = await readIssuers(identity.issuersFile);
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

async function readIssuers(path: string | undefined): Promise<readonly ConfiguredIssuer[]> {
  if (path === undefined) return [];
  try {
    return await readIssuersFile(path);
  } catch (error) {
    if (!(error instanceof IssuersFileError)) throw error;
    throw unusable(error.message);
  }
}

function unusable(message: string): ConfigurationError {
  return new ConfigurationError([{ path: 'identity.issuersFile', message }]);
}
