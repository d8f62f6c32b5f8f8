import type { AuditEvent } from '../../src/model/audit_event.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { AuditService } from '../../src/server/audit_service.ts';

/** Remembers what it is told, unless it is told to take nothing. */
export class FakeAudit implements AuditService {
  readonly events: AuditEvent[] = [];
  /** From the door on, or only what would be recorded. */
  takesNothing: 'admitted' | 'recorded' | undefined;
  /** Awaited before it says that an event is on record. */
  gate: Promise<void> = Promise.resolve();

  admit(): void {
    if (this.takesNothing === 'admitted') throw unavailable();
  }

  async record(event: AuditEvent): Promise<void> {
    this.events.push(event);
    if (this.takesNothing === 'recorded') throw unavailable();
    await this.gate;
  }

  /** What has been recorded since the last time that somebody asked. */
  taken(): AuditEvent[] {
    return this.events.splice(0);
  }
}

function unavailable(): StrongroomError {
  return new StrongroomError('ServiceUnavailable', 'The log takes nothing.', { innerCode: 'AuditUnavailable' });
}
