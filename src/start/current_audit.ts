import type { AuditLog } from '../audit/audit_log.ts';
import type { AuditEvent } from '../model/audit_event.ts';
import { StrongroomError } from '../model/errors.ts';
import type { AuditService } from '../server/audit_service.ts';

/** The audit log, which becomes another one when the pool's audit key does. */
export class CurrentAudit implements AuditService {
  #log: AuditLog;
  #replacing: Promise<void> | undefined;

  constructor(log: AuditLog) {
    this.#log = log;
  }

  get isTaking(): boolean {
    return this.#replacing === undefined && this.#log.isTaking;
  }

  /** @throws StrongroomError `ServiceUnavailable` (`AuditUnavailable`) */
  admit(): void {
    if (this.#replacing !== undefined) throw changing();
    this.#log.admit();
  }

  /** What was let in before is on record in the one log or in the other. @throws StrongroomError `ServiceUnavailable` (`AuditUnavailable`) */
  async record(event: AuditEvent): Promise<void> {
    await this.#replacing;
    return this.#log.record(event);
  }

  /** The old log is closed before the work that opens the other begins. Where that fails, nothing is on record any more. */
  async replace(open: () => Promise<AuditLog>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#replacing = promise;
    try {
      await this.#log.close();
      this.#log = await open();
    } finally {
      this.#replacing = undefined;
      resolve();
    }
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

function changing(): StrongroomError {
  return new StrongroomError('ServiceUnavailable', 'The audit log is changing its key.', {
    innerCode: 'AuditUnavailable',
    retryAfterMs: 1_000,
  });
}
