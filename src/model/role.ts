/**
 * What may be done, and the built-in roles that group it. The sets are those recorded from the live service (Azure API §3.2); the one
 * place where Strongroom departs from them by default is `/keys/delete` (§3.3).
 */
const DATA_ACTION_PREFIX = 'Microsoft.KeyVault/managedHsm';

/** What a role may do: `dataActions` without `notDataActions`. Actions of the control plane are kept for clients, and grant nothing here. */
export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly DataAction[];
  readonly notDataActions: readonly DataAction[];
}

export interface RoleDefinition {
  /** A GUID in lower case. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly kind: 'builtIn' | 'custom';
  /** They add up: what one block leaves out, another may grant. */
  readonly permissions: readonly Permission[];
}

/** Columns of the matrix: a row below names the roles that hold its data action by these letters. */
const ROLES = {
  A: {
    id: 'a290e904-7015-4bba-90c8-60543313cdb4',
    name: 'Managed HSM Administrator',
    description:
      'Administers the pool: security domain, full backup and restore, roles, tokens. Holds no key operation.',
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
    description: 'Reads attributes of keys, roles, and the state of tokens.',
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
} as const satisfies Record<string, { id: string; name: string; description: string }>;

/** Azure lists it for its control plane, which makes keys by it. It holds actions of that alone, and so nothing here. */
const CONTROL_PLANE_ROLE: RoleDefinition = {
  id: '770fd66c-6266-4643-9d4e-b616870898d5',
  name: 'Managed HSM ARM User',
  description: 'For Azure Resource Manager. Holds no data action.',
  kind: 'builtIn',
  permissions: [
    {
      actions: [`${DATA_ACTION_PREFIX}/keys/createIfNotExists`, `${DATA_ACTION_PREFIX}/keys/read/action`],
      notActions: [],
      dataActions: [],
      notDataActions: [],
    },
  ],
};

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
  // Azure's tokens are nobody's to operate. Here they are the operator's, and who audits sees how many serve.
  '/tokens/read/action': 'AI',
  '/tokens/write/action': 'A',
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
  const roles = letters.map((letter): RoleDefinition => {
    const dataActions = rows.filter(([, holders]) => holders.includes(letter)).map(([action]) => dataAction(action));
    const permissions = [{ actions: [], notActions: [], dataActions, notDataActions: [] }];
    return { ...ROLES[letter], kind: 'builtIn', permissions };
  });
  return new Map([...roles, CONTROL_PLANE_ROLE].map((role) => [role.id, role]));
}

/** Everything that the role may do. */
export function grantedActions({ permissions }: Pick<RoleDefinition, 'permissions'>): ReadonlySet<DataAction> {
  const granted = new Set<DataAction>();
  for (const { dataActions, notDataActions } of permissions) {
    const excluded = new Set(notDataActions);
    for (const action of dataActions) if (!excluded.has(action)) granted.add(action);
  }
  return granted;
}

export const BUILT_IN_ROLE_IDS = {
  administrator: ROLES.A.id,
  cryptoOfficer: ROLES.O.id,
  cryptoUser: ROLES.U.id,
} as const;

function dataAction(path: string): DataAction {
  return `${DATA_ACTION_PREFIX}${path}` as DataAction;
}

/** Every data action there is. */
export const DATA_ACTIONS: readonly DataAction[] = Object.keys(MATRIX).map(dataAction);

const BY_LOWER_CASE: ReadonlyMap<string, DataAction> = new Map(DATA_ACTIONS.map((each) => [each.toLowerCase(), each]));

/** The data action that a text names in whatever case. One that is not there is no data action: no wildcard, and none of another service. */
export function findDataAction(text: string): DataAction | undefined {
  return BY_LOWER_CASE.get(text.toLowerCase());
}
