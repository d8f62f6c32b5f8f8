import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { roleCollections } from '../access/role_documents.ts';
import { BackupService } from '../backup/backup_service.ts';
import type { Job } from '../backup/job.ts';
import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { SETTING_COLLECTION } from '../engine/lifecycle/settings.ts';
import { keyScope, POOL_SCOPE } from '../model/scope.ts';
import type { AuditService } from '../server/audit_service.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import type { Core } from './core.ts';
import { firstRoles } from './open_roles.ts';

export interface BackupParts {
  readonly core: Core;
  readonly documents: SealedDocuments;
  readonly audit: AuditService;
  readonly firstApplication: string | undefined;
  readonly log: Logger;
}

/**
 * Backup and restore of what belongs to the pool: its keys, roles and settings. The directory of the built-in issuer is none of it, as that of
 * Entra is none of a Managed HSM's, nor are custodians and audit log, which say what was done to this pool here.
 * @throws StrongroomError `StoreTampered`, `ServiceUnavailable`
 */
export function openBackups(
  { access, backup, hsm, keys, identity }: Configuration,
  files: DataDirectory,
  { core, documents, audit, firstApplication, log }: BackupParts,
): Promise<BackupService> {
  const first = firstRoles(access.initialAdministrators, identity.embedded ? firstApplication : undefined);
  return BackupService.open({
    store: core.store,
    documents,
    sealer: core,
    collections: [...roleCollections(first), { name: SETTING_COLLECTION }],
    hsmName: hsm.name,
    server: createHash('sha256').update(`${hostname()}\0${files.path}`).digest('hex'),
    storage: { directory: backup.directory, origins: backup.storageOrigins },
    mostKeys: keys.perPool,
    epoch: core.epoch,
    restoreKey: async (key) => {
      await core.engine.restoreWholeKey(key);
    },
    onEnded: (job) => recordEnd(job, audit, log),
    onTrouble: (error) => log.error({ err: error }, 'a backup or a restore of the pool failed'),
  });
}

/** What was asked for is on record with the request; what came of it has a record of its own. */
async function recordEnd(job: Job, audit: AuditService, log: Logger): Promise<void> {
  const { id, kind, state, error, keyName } = job;
  log.info({ job: id, kind, state, reason: error?.message }, 'a backup or a restore of the pool has ended');
  await audit.record({
    timeMs: Date.now(),
    operation: kind === 'backup' || kind === 'backupCheck' ? 'BackupComplete' : 'RestoreComplete',
    result: error?.code ?? 'Success',
    innerCode: error?.innerCode,
    requestId: randomUUID(),
    scope: keyName === undefined ? POOL_SCOPE : keyScope(keyName),
    keyName,
    target: `jobs/${id}`,
  });
}
