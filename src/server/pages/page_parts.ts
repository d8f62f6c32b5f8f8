import type { SignIns } from '../../identity/embedded/sign_ins.ts';
import type { AuditService } from '../audit_service.ts';

/** What pages are made of. */
export interface PageParts {
  readonly signIns: SignIns;
  readonly audit: AuditService;
  /** Name of the HSM that keys are used of. */
  readonly hsm: string;
}
