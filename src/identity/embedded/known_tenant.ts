import type { Directory } from './directory.ts';
import type { Tenant } from './directory_objects.ts';
import { EntraError } from './entra_error.ts';

/** By its id or another name of it. @throws EntraError `unknownTenant` */
export function findTenant(directory: Directory, name: string): Tenant {
  const tenant = directory.findTenant(name);
  if (tenant === undefined) throw new EntraError('unknownTenant', 'The tenant was not found.');
  return tenant;
}
