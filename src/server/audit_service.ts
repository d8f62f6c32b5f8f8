import type { AuditLog } from '../audit/audit_log.ts';

/** What the server needs of an audit log. */
export type AuditService = Pick<AuditLog, 'admit' | 'record'>;
