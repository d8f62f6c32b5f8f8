import { LIMITS } from '../../model/limits.ts';
import { attestKey } from '../handlers/attest_key.ts';
import { backupKey } from '../handlers/backup_key.ts';
import { createKey } from '../handlers/create_key.ts';
import { deleteKey } from '../handlers/delete_key.ts';
import { getKey } from '../handlers/get_key.ts';
import { getRotationPolicy } from '../handlers/get_rotation_policy.ts';
import { importKey } from '../handlers/import_key.ts';
import { listKeyVersions } from '../handlers/list_key_versions.ts';
import { listKeys } from '../handlers/list_keys.ts';
import { restoreKey } from '../handlers/restore_key.ts';
import { rotateKey } from '../handlers/rotate_key.ts';
import { setRotationPolicy } from '../handlers/set_rotation_policy.ts';
import { updateKey } from '../handlers/update_key.ts';
import { type Route, route } from '../route.ts';
import { KEY_RESTORE } from '../wire/key_backup.ts';
import { KEY_CREATE } from '../wire/key_create.ts';
import { KEY_IMPORT } from '../wire/key_import.ts';
import { KEY_UPDATE } from '../wire/key_update.ts';
import { ROTATION_POLICY } from '../wire/rotation_policy.ts';

/** Keys and their lives (Azure API §1.9 to §1.12, §1.15). */
export const KEY_ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    paths: ['/keys/:name/create'],
    operation: 'create',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/create',
    scope: 'key',
    body: KEY_CREATE,
    handler: createKey,
  }),
  route({
    method: 'PUT',
    paths: ['/keys/:name'],
    operation: 'import',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/import/action',
    scope: 'key',
    body: KEY_IMPORT,
    handler: importKey,
  }),
  route({
    method: 'GET',
    paths: ['/keys/:name', '/keys/:name/:version'],
    operation: 'get',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/read/action',
    scope: 'key',
    body: undefined,
    handler: getKey,
  }),
  route({
    method: 'PATCH',
    paths: ['/keys/:name', '/keys/:name/:version'],
    operation: 'update',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/write/action',
    scope: 'key',
    body: KEY_UPDATE,
    handler: updateKey,
  }),
  route({
    method: 'DELETE',
    paths: ['/keys/:name'],
    operation: 'delete',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/delete',
    scope: 'key',
    body: undefined,
    handler: deleteKey,
  }),
  route({
    method: 'GET',
    paths: ['/keys'],
    operation: 'list',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/read/action',
    scope: 'keys',
    body: undefined,
    handler: listKeys,
  }),
  route({
    method: 'GET',
    paths: ['/keys/:name/versions'],
    operation: 'listVersions',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/read/action',
    scope: 'key',
    body: undefined,
    handler: listKeyVersions,
  }),
  route({
    method: 'POST',
    paths: ['/keys/:name/rotate'],
    operation: 'rotate',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/rotate/action',
    scope: 'key',
    body: undefined,
    handler: rotateKey,
  }),
  route({
    method: 'GET',
    paths: ['/keys/:name/rotationpolicy'],
    operation: 'getRotationPolicy',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/read/action',
    scope: 'key',
    body: undefined,
    handler: getRotationPolicy,
  }),
  route({
    method: 'PUT',
    paths: ['/keys/:name/rotationpolicy'],
    operation: 'setRotationPolicy',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/write/action',
    scope: 'key',
    body: ROTATION_POLICY,
    handler: setRotationPolicy,
  }),
  route({
    method: 'POST',
    paths: ['/keys/:name/backup'],
    operation: 'backup',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/backup/action',
    scope: 'key',
    body: undefined,
    handler: backupKey,
  }),
  route({
    method: 'POST',
    paths: ['/keys/restore'],
    isAlsoKey: true,
    operation: 'restore',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/restore/action',
    // The name of the key is in the backup, which nobody has opened yet.
    scope: 'keys',
    body: KEY_RESTORE,
    bodyBytes: LIMITS.restoreBodyBytes,
    handler: restoreKey,
  }),
  route({
    method: 'GET',
    paths: ['/keys/:name/attestation', '/keys/:name/:version/attestation'],
    operation: 'attest',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/read/action',
    scope: 'key',
    body: undefined,
    handler: attestKey,
  }),
];
