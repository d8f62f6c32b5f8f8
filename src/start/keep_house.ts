import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { HouseKeepingTimer } from '../engine/house_keeping.ts';
import type { AuditEvent } from '../model/audit_event.ts';
import { keyScope } from '../model/scope.ts';
import type { AuditService } from '../server/audit_service.ts';
import type { Core } from './core.ts';

/** Rotates and purges what is due for as long as the server runs, and says what it has done. */
export function keepHouse(core: Pick<Core, 'engine' | 'epoch'>, audit: AuditService, log: Logger): HouseKeepingTimer {
  return new HouseKeepingTimer(async (signal) => {
    try {
      audit.admit();
      const { rotated, purged, failed } = await core.epoch.through(core.epoch.current, () =>
        core.engine.keepHouse(signal),
      );
      for (const key of rotated) log.info({ key }, 'the key was rotated, as its policy has it');
      for (const key of purged) log.info({ key }, 'the deleted key was purged at its date');
      for (const { name: key, error } of failed) log.error({ key, err: error }, 'house-keeping failed for the key');
      await Promise.all([
        ...rotated.map((key) => audit.record(ownEvent('KeyRotateIfDue', key))),
        ...purged.map((key) => audit.record(ownEvent('KeyPurge', key))),
      ]);
    } catch (error) {
      log.error({ err: error }, 'house-keeping failed');
    }
  });
}

/** What the service has done by itself: nobody called. */
function ownEvent(operation: AuditEvent['operation'], keyName: string): AuditEvent {
  return {
    timeMs: Date.now(),
    operation,
    result: 'Success',
    requestId: randomUUID(),
    scope: keyScope(keyName),
    keyName,
  };
}
