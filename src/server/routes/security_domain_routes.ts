import { downloadSecurityDomain } from '../handlers/download_security_domain.ts';
import { getDownloadStatus } from '../handlers/get_download_status.ts';
import { getTransferKey } from '../handlers/get_transfer_key.ts';
import { getUploadStatus } from '../handlers/get_upload_status.ts';
import { uploadSecurityDomain } from '../handlers/upload_security_domain.ts';
import { type Route, route } from '../route.ts';
import { CERTIFICATES, SECURITY_DOMAIN } from '../wire/security_domain.ts';

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
  route({
    method: 'GET',
    paths: ['/securitydomain/download/pending'],
    operation: 'getDownloadStatus',
    dataAction: 'Microsoft.KeyVault/managedHsm/securitydomain/download/read',
    scope: 'pool',
    body: undefined,
    isBeforeActivation: true,
    isPolled: true,
    handler: getDownloadStatus,
  }),
  route({
    method: 'GET',
    paths: ['/securitydomain/upload'],
    operation: 'getTransferKey',
    dataAction: 'Microsoft.KeyVault/managedHsm/securitydomain/transferkey/read',
    scope: 'pool',
    body: undefined,
    isBeforeActivation: true,
    handler: getTransferKey,
  }),
  route({
    method: 'POST',
    paths: ['/securitydomain/upload'],
    operation: 'uploadSecurityDomain',
    dataAction: 'Microsoft.KeyVault/managedHsm/securitydomain/upload/action',
    scope: 'pool',
    body: SECURITY_DOMAIN,
    status: 202,
    isBeforeActivation: true,
    handler: uploadSecurityDomain,
  }),
  // Azure's command line asks here after a download as well.
  route({
    method: 'GET',
    paths: ['/securitydomain/upload/pending'],
    operation: 'getUploadStatus',
    dataAction: 'Microsoft.KeyVault/managedHsm/securitydomain/upload/read',
    scope: 'pool',
    body: undefined,
    isBeforeActivation: true,
    isDuringRestore: true,
    isPolled: true,
    handler: getUploadStatus,
  }),
];
