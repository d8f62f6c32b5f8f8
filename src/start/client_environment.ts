import type { ClientEnvironment } from '../config/environment_file.ts';
import { type HostNames, originOf } from '../config/host_names.ts';
import type { FirstApplication } from '../identity/embedded/first_application.ts';
import type { TrustFiles } from './open_tls.ts';

/** Name under which the secret is found again at the next start. */
export const SECRET_VARIABLE = 'AZURE_CLIENT_SECRET';

/**
 * What unmodified clients read. With the tenant named `adfs` they take a private issuer without a word of configuration in code
 * (clients' instance discovery is skipped). REQUESTS_CA_BUNDLE and SSL_CERT_FILE replace the system's list, so they get all of it.
 * Where the built-in issuer is switched off, who they are is theirs to know.
 */
export function clientEnvironment(
  names: HostNames,
  port: number,
  identity: FirstApplication | undefined,
  trust: TrustFiles | undefined,
): ClientEnvironment {
  return {
    STRONGROOM_URL: originOf(names.pool, port),
    ...(identity === undefined
      ? {}
      : {
          AZURE_TENANT_ID: 'adfs',
          AZURE_CLIENT_ID: identity.servicePrincipal.clientId,
          [SECRET_VARIABLE]: identity.secret,
          AZURE_AUTHORITY_HOST: originOf(names.login, port),
        }),
    ...(trust === undefined
      ? {}
      : { NODE_EXTRA_CA_CERTS: trust.authority, REQUESTS_CA_BUNDLE: trust.bundle, SSL_CERT_FILE: trust.bundle }),
  };
}
