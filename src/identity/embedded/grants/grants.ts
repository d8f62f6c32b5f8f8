import { clientCredentials } from './client_credentials.ts';
import type { Grant } from './grant.ts';

/** What may be asked of the token endpoint, by `grant_type`. */
export const GRANTS: ReadonlyMap<string, Grant> = new Map([['client_credentials', clientCredentials]]);
