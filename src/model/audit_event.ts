import type { ErrorCode } from './errors.ts';
import type { SecurityPrincipal } from './principal.ts';
import type { DataAction } from './role.ts';
import type { Scope } from './scope.ts';

/**
 * What is done, as Azure's audit log calls it (Azure API §6.1), by the operation of the route. Where Azure's pages name nothing, the name
 * follows those that they have.
 */
const AUDIT_OPERATIONS = {
  create: 'KeyCreate',
  import: 'KeyImport',
  get: 'KeyGet',
  update: 'KeyUpdate',
  delete: 'KeyDelete',
  list: 'KeyList',
  listVersions: 'KeyListVersions',
  rotate: 'KeyRotate',
  getRotationPolicy: 'KeyRotationPolicyGet',
  setRotationPolicy: 'KeyRotationPolicySet',
  backup: 'KeyBackup',
  restore: 'KeyRestore',
  attest: 'KeyAttest',
  listDeleted: 'KeyListDeleted',
  getDeleted: 'KeyGetDeleted',
  recover: 'KeyRecover',
  purge: 'KeyPurge',
  sign: 'KeySign',
  verify: 'KeyVerify',
  encrypt: 'KeyEncrypt',
  decrypt: 'KeyDecrypt',
  wrapKey: 'KeyWrap',
  unwrapKey: 'KeyUnwrap',
  secureWrapKey: 'KeySecureWrap',
  secureUnwrapKey: 'KeySecureUnwrap',
  release: 'KeyRelease',
  batch: 'KeyBatch',
  random: 'RandomBytesGet',
  downloadSecurityDomain: 'SecurityDomainBackup',
  getDownloadStatus: 'SecurityDomainBackupStatusGet',
  startBackup: 'BackupCreate',
  checkBackup: 'BackupCheck',
  getBackupStatus: 'BackupStatusGet',
  startRestore: 'RestoreCreate',
  checkRestore: 'RestoreCheck',
  getRestoreStatus: 'RestoreStatusGet',
  startKeyRestore: 'KeyRestoreFromBackup',
  getTransferKey: 'SecurityDomainRestoreKeyGet',
  uploadSecurityDomain: 'SecurityDomainRestore',
  getUploadStatus: 'SecurityDomainRestoreStatusGet',
  listSettings: 'SettingList',
  getSetting: 'SettingGet',
  setSetting: 'SettingUpdate',
  listTokens: 'TokenList',
  getToken: 'TokenGet',
  drainToken: 'TokenDrain',
  addToken: 'TokenAdd',
  resumeToken: 'TokenResume',
  removeToken: 'TokenRemove',
  listRoleDefinitions: 'RoleDefinitionList',
  getRoleDefinition: 'RoleDefinitionGet',
  putRoleDefinition: 'RoleDefinitionCreateOrUpdate',
  deleteRoleDefinition: 'RoleDefinitionDelete',
  listRoleAssignments: 'RoleAssignmentList',
  getRoleAssignment: 'RoleAssignmentGet',
  createRoleAssignment: 'RoleAssignmentCreate',
  deleteRoleAssignment: 'RoleAssignmentDelete',
  explainAccess: 'AccessExplain',
} as const;

/** What is done at the directory of the built-in issuer, by the routes of server/graph/. */
export type DirectoryOperation =
  | `Application${'List' | 'Create' | 'Get' | 'Delete' | 'AddPassword' | 'RemovePassword' | 'AddKey' | 'RemoveKey'}`
  | `FederatedCredential${'List' | 'Add' | 'Remove'}`
  | `Tenant${'List' | 'Create'}`
  | `ServicePrincipal${'List' | 'Create' | 'Get' | 'Update' | 'Delete'}`
  | `User${'List' | 'Create' | 'Get' | 'Update' | 'Delete'}`
  | `Group${'List' | 'Create' | 'Get' | 'Delete' | 'MemberList' | 'MemberAdd' | 'MemberRemove'}`
  | 'MemberObjectsGet'
  | 'DirectoryObjectsGet';

/** `Authentication`: nobody who is known. `InvalidRequest`: what is not served, or is no HTTP. `UserSignIn`: at a page of the issuer. */
export type AuditOperation =
  | (typeof AUDIT_OPERATIONS)[keyof typeof AUDIT_OPERATIONS]
  | 'Authentication'
  | 'InvalidRequest'
  | DirectoryOperation
  | 'AccessTokenIssue'
  | 'UserSignIn'
  | 'KeyRotateIfDue'
  | 'BackupComplete'
  | 'RestoreComplete'
  | 'ManagedIdentityToken';

/** As Azure's log has it in `addrAuthType`. */
export type AddressAuthorization = 'PublicIP' | 'Subnet' | 'PrivateLink' | 'TrustedService';

const NAMES: ReadonlyMap<string, AuditOperation> = new Map(Object.entries(AUDIT_OPERATIONS));

/** @throws TypeError for an operation that has no name: nothing is served that the log cannot name. */
export function auditOperation(operation: string): AuditOperation {
  const name = NAMES.get(operation);
  if (name === undefined) throw new TypeError(`The audit log has no name for the operation ${operation}.`);
  return name;
}

/**
 * What is written down of something that was done, or was to be: these fields and no others. There is none that could hold a body, an
 * access token, a digest, a plaintext or a PIN, and what a caller writes freely (the user agent, a path) is cut to a length. What does not
 * apply is absent: what the service does by itself has no caller.
 */
export interface AuditEvent {
  readonly timeMs: number;
  readonly operation: AuditOperation;
  /** `Pending`: it is about to be done. What comes of it is told by another event of the same request. */
  readonly result: 'Success' | 'Pending' | ErrorCode;
  /** The precise reason behind a broad code. */
  readonly innerCode?: string | undefined;
  readonly requestId: string;
  /** What the client calls its request; the request id unless it does. */
  readonly correlationId?: string | undefined;
  readonly apiVersion?: string | undefined;
  readonly httpStatus?: number | undefined;
  readonly durationMs?: number | undefined;
  /** As the network has it, or a trusted proxy. */
  readonly callerAddress?: string | undefined;
  /** What let the caller in at the firewall; absent where nothing did, or nobody asked. */
  readonly addressAuthorization?: AddressAuthorization | undefined;
  /** The named network that the caller is in. */
  readonly virtualNetwork?: string | undefined;
  readonly principal?: SecurityPrincipal | undefined;
  readonly userAgent?: string | undefined;
  /** Without its query but for the API version. */
  readonly requestUri?: string | undefined;
  /** Of several, one would have been enough. */
  readonly dataAction?: DataAction | readonly DataAction[] | undefined;
  readonly scope?: Scope | undefined;
  readonly keyName?: string | undefined;
  /** The version that did it, also where the request named none. */
  readonly keyVersion?: string | undefined;
  readonly algorithm?: string | undefined;
  /** What it was done to, where that is no key: kind and id, as in `users/ID`. */
  readonly target?: string | undefined;
}
