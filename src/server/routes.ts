import type { Route } from './route.ts';
import { BACKUP_ROUTES } from './routes/backup_routes.ts';
import { BATCH_ROUTES } from './routes/batch_routes.ts';
import { DELETED_KEY_ROUTES } from './routes/deleted_key_routes.ts';
import { KEY_OPERATION_ROUTES } from './routes/key_operation_routes.ts';
import { KEY_ROUTES } from './routes/key_routes.ts';
import { ROLE_ROUTES } from './routes/role_routes.ts';
import { SECURITY_DOMAIN_ROUTES } from './routes/security_domain_routes.ts';
import { SETTING_ROUTES } from './routes/setting_routes.ts';
import { TOKEN_ROUTES } from './routes/token_routes.ts';

/** The REST API (docs/api.md), one row per operation. What has no row is not served. */
export const ROUTES: readonly Route[] = [
  ...KEY_ROUTES,
  ...DELETED_KEY_ROUTES,
  ...KEY_OPERATION_ROUTES,
  ...BATCH_ROUTES,
  ...SETTING_ROUTES,
  ...SECURITY_DOMAIN_ROUTES,
  ...BACKUP_ROUTES,
  ...TOKEN_ROUTES,
  ...ROLE_ROUTES,
];
