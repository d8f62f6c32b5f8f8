/** What the pool does with deleted keys. Soft delete is always on. */
export interface RecoverySettings {
  /** 7 to 90 days. */
  readonly retentionDays: number;
  /** A deleted key can be purged by nobody before its time. */
  readonly purgeProtection: boolean;
}

const FULL_RETENTION_DAYS = 90;

/** `recoveryLevel` of key attributes (Azure API §1.8). */
export function recoveryLevel({ retentionDays, purgeProtection }: RecoverySettings): string {
  const level = retentionDays === FULL_RETENTION_DAYS ? 'Recoverable' : 'CustomizedRecoverable';
  return purgeProtection ? level : `${level}+Purgeable`;
}
