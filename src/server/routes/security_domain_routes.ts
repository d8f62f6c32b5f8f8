import { downloadSecurityDomain } from '../handlers/download_security_domain.ts';
import { getDownloadStatus } from '../handlers/get_download_status.ts';
import { type Route, route } from '../route.ts';
import { CERTIFICATES } from '../wire/security_domain.ts';

/** The security domain (Azure API §1.21): all that is served before the pool is active. */
export const SECURITY_DOMAIN_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    paths: ['/securitydomain/download'],
    operation: 'downloadSecurityDomain',
    dataAction: 'Microsoft.KeyVault/managedHsm/securitydomain/download/action',
    scope: 'pool',
    body: CERTIFICATES,
    status: 202,
    isBeforeActivation: true,
    handler: downloadSecurityDomain,
  }),
  // Azure's command line asks the second one after a download.
  route({
    method: 'GET',
    paths: ['/securitydomain/download/pending', '/securitydomain/upload/pending'],
    operation: 'getDownloadStatus',
    dataAction: 'Microsoft.KeyVault/managedHsm/securitydomain/download/read',
    scope: 'pool',
    body: undefined,
    isBeforeActivation: true,
    handler: getDownloadStatus,
  }),
];
