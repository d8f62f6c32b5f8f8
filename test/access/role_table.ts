/**
 * Which built-in role may do what, written down for tests by role and not by action: from Azure's table and the recorded roles of a live
 * service (Azure API §3.2), with `/keys/delete` as the project decided (§3.3) and settings for the one who administers.
 */
const ROLES_OF_ROLES = [
  'roleAssignments/read/action',
  'roleAssignments/write/action',
  'roleAssignments/delete/action',
  'roleDefinitions/read/action',
  'roleDefinitions/write/action',
  'roleDefinitions/delete/action',
];

export const ROLE_TABLE: Readonly<Record<string, readonly string[]>> = {
  'a290e904-7015-4bba-90c8-60543313cdb4': [
    ...ROLES_OF_ROLES,
    'securitydomain/download/action',
    'securitydomain/download/read',
    'securitydomain/upload/action',
    'securitydomain/upload/read',
    'securitydomain/transferkey/read',
    'backup/start/action',
    'backup/status/action',
    'restore/start/action',
    'restore/status/action',
    'settings/read/action',
    'settings/write/action',
    'tokens/read/action',
    'tokens/write/action',
  ],
  '515eb02d-2335-4d2d-92f2-b1cbdf9c3778': [
    ...ROLES_OF_ROLES,
    'keys/delete',
    'keys/deletedKeys/read/action',
    'keys/deletedKeys/recover/action',
    'keys/deletedKeys/delete',
    'keys/export/action',
  ],
  '21dbd100-6940-42c2-9190-5d6cb909625b': [
    'keys/read/action',
    'keys/write/action',
    'keys/rotate/action',
    'keys/create',
    'keys/backup/action',
    'keys/restore/action',
    'keys/release/action',
    'keys/import/action',
    'keys/encrypt/action',
    'keys/decrypt/action',
    'keys/wrap/action',
    'keys/unwrap/action',
    'keys/sign/action',
    'keys/verify/action',
    'keys/derive/action',
    'rng/action',
    'roleAssignments/read/action',
    'roleDefinitions/read/action',
  ],
  '4bd23610-cdcf-4971-bdee-bdc562cc28e4': ROLES_OF_ROLES,
  '33413926-3206-4cdd-b39a-83574fe37a17': ['keys/read/action', 'keys/wrap/action', 'keys/unwrap/action'],
  '7b127d3c-77bd-4e3e-bbe0-dbb8971fa7f8': ['keys/backup/action', 'backup/start/action', 'backup/status/action'],
  '2c18b078-7c48-4d3a-af88-5a3a1b3f82b3': [
    'keys/read/action',
    'keys/deletedKeys/read/action',
    'roleAssignments/read/action',
    'roleDefinitions/read/action',
    'tokens/read/action',
  ],
  '21dbd100-6940-42c2-9190-5d6cb909625c': ['keys/release/action'],
  '6efe6056-5259-49d2-8b3d-d3d73544b20b': ['keys/restore/action', 'restore/start/action', 'restore/status/action'],
  '770fd66c-6266-4643-9d4e-b616870898d5': [],
};

/** Every data action of the table's own rows, those among them that nobody but one holds. */
export const TABLE_ACTIONS: readonly string[] = [...new Set(Object.values(ROLE_TABLE).flat())].sort();
