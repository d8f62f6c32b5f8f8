import { type RecoverySettings, recoveryLevel } from '../model/recovery.ts';
import type { KeyVersionRecord } from '../store/store.ts';
import type { StoredDeletedKey } from './key_not_found.ts';
import type { DeletedKey, KeyVersion } from './requests.ts';

/** Without what is the engine's own: the wrapped key, the id of its objects, the count of changes. */
export function viewOf(recovery: RecoverySettings, record: KeyVersionRecord): KeyVersion {
  const { wrappedKey: _wrappedKey, objectId: _objectId, revision: _revision, ...view } = record;
  return { ...view, recoverableDays: recovery.retentionDays, recoveryLevel: recoveryLevel(recovery) };
}

export function viewOfDeleted(recovery: RecoverySettings, { version, deletion }: StoredDeletedKey): DeletedKey {
  return { ...viewOf(recovery, version), deletion };
}
