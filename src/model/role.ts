/**
 * What may be done, and the built-in roles that group it. The sets are those recorded from the live service (Azure API §3.2); the one
 * place where Strongroom departs from them by default is `/keys/delete` (§3.3).
 */
const DATA_ACTION_PREFIX = 'Microsoft.KeyVault/managedHsm';

export type RoleName =
  | 'Managed HSM Administrator'
  | 'Managed HSM Crypto Officer'
  | 'Managed HSM Crypto User'
  | 'Managed HSM Policy Administrator'
  | 'Managed HSM Crypto Auditor'
  | 'Managed HSM Crypto Service Encryption User'
  | 'Managed HSM Crypto Service Release User'
  | 'Managed HSM Backup'
  | 'Managed HSM Restore';

export interface RoleDefinition {
  /** The GUID that Azure gave it, in lower case. */
  readonly id: string;
  readonly name: RoleName;
  readonly description: string;
  readonly dataActions: ReadonlySet<DataAction>;
}

/** Columns of the matrix: a row below names the roles that hold its data action by these letters. */
const ROLES = {
  A: {
    id: 'a290e904-7015-4bba-90c8-60543313cdb4',
    name: 'Managed HSM Administrator',
    description: 'Administers the pool: security domain, full backup and restore, roles. Holds no key operation.',
  },
  O: {
    id: '515eb02d-2335-4d2d-92f2-b1cbdf9c3778',
    name: 'Managed HSM Crypto Officer',
    description: 'Manages roles, deletes, purges, recovers and exports keys. Holds no other key operation.',
  },
  U: {
    id: '21dbd100-6940-42c2-9190-5d6cb909625b',
    name: 'Managed HSM Crypto User',
    description: 'Creates, manages and uses keys. Cannot purge, recover or export them.',
  },
  P: {
    id: '4bd23610-cdcf-4971-bdee-bdc562cc28e4',
    name: 'Managed HSM Policy Administrator',
    description: 'Creates and deletes role assignments and role definitions.',
  },
  E: {
    id: '33413926-3206-4cdd-b39a-83574fe37a17',
    name: 'Managed HSM Crypto Service Encryption User',
    description: 'Reads, wraps and unwraps with keys, for services that encrypt.',
  },
  B: {
    id: '7b127d3c-77bd-4e3e-bbe0-dbb8971fa7f8',
    name: 'Managed HSM Backup',
    description: 'Backs up single keys and the whole pool.',
  },
  I: {
    id: '2c18b078-7c48-4d3a-af88-5a3a1b3f82b3',
    name: 'Managed HSM Crypto Auditor',
    description: 'Reads attributes of keys, and roles.',
  },
  L: {
    id: '21dbd100-6940-42c2-9190-5d6cb909625c',
    name: 'Managed HSM Crypto Service Release User',
    description: 'Releases keys to trusted execution environments.',
  },
  R: {
    id: '6efe6056-5259-49d2-8b3d-d3d73544b20b',
    name: 'Managed HSM Restore',
    description: 'Restores single keys and the whole pool.',
  },
} as const satisfies Record<string, { id: string; name: RoleName; description: string }>;

type RoleLetter = keyof typeof ROLES;

/** One row per data action, without its prefix. */
const MATRIX = {
  '/securitydomain/download/action': 'A',
  '/securitydomain/download/read': 'A',
  '/securitydomain/upload/action': 'A',
  '/securitydomain/upload/read': 'A',
  '/securitydomain/transferkey/read': 'A',
  '/keys/read/action': 'UEI',
  '/keys/write/action': 'U',
  '/keys/rotate/action': 'U',
  '/keys/create': 'U',
  '/keys/delete': 'O',
  '/keys/deletedKeys/read/action': 'OI',
  '/keys/deletedKeys/recover/action': 'O',
  '/keys/deletedKeys/delete': 'O',
  '/keys/backup/action': 'UB',
  '/keys/restore/action': 'UR',
  '/keys/release/action': 'UL',
  '/keys/import/action': 'U',
  '/keys/export/action': 'O',
  '/keys/encrypt/action': 'U',
  '/keys/decrypt/action': 'U',
  '/keys/wrap/action': 'UE',
  '/keys/unwrap/action': 'UE',
  '/keys/sign/action': 'U',
  '/keys/verify/action': 'U',
  '/keys/derive/action': 'U',
  '/rng/action': 'U',
  '/roleAssignments/read/action': 'AOUPI',
  '/roleAssignments/write/action': 'AOP',
  '/roleAssignments/delete/action': 'AOP',
  '/roleDefinitions/read/action': 'AOUPI',
  '/roleDefinitions/write/action': 'AOP',
  '/roleDefinitions/delete/action': 'AOP',
  '/backup/start/action': 'AB',
  '/backup/status/action': 'AB',
  '/restore/start/action': 'AR',
  '/restore/status/action': 'AR',
  // Azure serves settings (§1.18) and names no data action for them. A setting changes what the pool does for everybody, which is
  // administration: so they have actions of their own, which no role holds beside the one that administers (§3.3).
  '/settings/read/action': 'A',
  '/settings/write/action': 'A',
} as const satisfies Record<string, string>;

export type DataAction = `${typeof DATA_ACTION_PREFIX}${keyof typeof MATRIX}`;

/** The recorded live service lets the Crypto User delete keys, and the Crypto Officer not. */
const LIVE_SERVICE_ROWS = { ...MATRIX, '/keys/delete': 'U' };

export interface RoleCompatibility {
  /** `/keys/delete` for the Crypto User, as the live service has it, in place of the Crypto Officer. */
  readonly cryptoUserMayDelete: boolean;
}

/** The built-in roles, by their GUID. */
export function builtInRoles(compatibility: RoleCompatibility): ReadonlyMap<string, RoleDefinition> {
  const rows = Object.entries(compatibility.cryptoUserMayDelete ? LIVE_SERVICE_ROWS : MATRIX);
  const letters = Object.keys(ROLES) as RoleLetter[];
  return new Map(
    letters.map((letter) => {
      const granted = rows.filter(([, roles]) => roles.includes(letter)).map(([action]) => dataAction(action));
      return [ROLES[letter].id, { ...ROLES[letter], dataActions: new Set(granted) }];
    }),
  );
}

export const BUILT_IN_ROLE_IDS = {
  administrator: ROLES.A.id,
  cryptoOfficer: ROLES.O.id,
  cryptoUser: ROLES.U.id,
} as const;

function dataAction(path: string): DataAction {
  return `${DATA_ACTION_PREFIX}${path}` as DataAction;
}
