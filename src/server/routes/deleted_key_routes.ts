import { getDeletedKey } from '../handlers/get_deleted_key.ts';
import { listDeletedKeys } from '../handlers/list_deleted_keys.ts';
import { purgeKey } from '../handlers/purge_key.ts';
import { recoverKey } from '../handlers/recover_key.ts';
import { type Route, route } from '../route.ts';

/** Keys that are deleted and can still be recovered (Azure API §1.8, §1.9). */
export const DELETED_KEY_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    paths: ['/deletedkeys'],
    operation: 'listDeleted',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/deletedKeys/read/action',
    scope: 'keys',
    body: undefined,
    handler: listDeletedKeys,
  }),
  route({
    method: 'GET',
    paths: ['/deletedkeys/:name'],
    operation: 'getDeleted',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/deletedKeys/read/action',
    scope: 'key',
    body: undefined,
    handler: getDeletedKey,
  }),
  route({
    method: 'POST',
    paths: ['/deletedkeys/:name/recover'],
    operation: 'recover',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/deletedKeys/recover/action',
    scope: 'key',
    body: undefined,
    handler: recoverKey,
  }),
  route({
    method: 'DELETE',
    paths: ['/deletedkeys/:name'],
    operation: 'purge',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/deletedKeys/delete',
    scope: 'key',
    body: undefined,
    status: 204,
    handler: purgeKey,
  }),
];
