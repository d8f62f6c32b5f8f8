import type { Directory } from './directory.ts';
import type { Application, ServicePrincipal, Tenant } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';

/** An application that may be used in the tenant that was asked. */
export interface KnownClient {
  readonly application: Application;
  /** Its principal in that tenant. */
  readonly servicePrincipal: ServicePrincipal;
}

/** @throws EntraError `unknownClient`, `noServicePrincipal` or `clientDisabled` */
export function findClient(directory: Directory, tenant: Tenant, clientId: string): KnownClient {
  const application = directory.findApplication(clientId);
  if (application === undefined) {
    throw new EntraError('unknownClient', 'Application with the given identifier was not found in the directory.');
  }
  const servicePrincipal = directory.findServicePrincipal(tenant.id, application.clientId);
  if (servicePrincipal === undefined) {
    const message = `The client application ${application.clientId} is missing service principal in the tenant.`;
    throw new EntraError('noServicePrincipal', message);
  }
  if (!servicePrincipal.isEnabled) {
    throw new EntraError('clientDisabled', `Application '${application.clientId}' is disabled.`);
  }
  return { application, servicePrincipal };
}
