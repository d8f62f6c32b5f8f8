import { StrongroomError } from '../model/errors.ts';
import type { KeyOperation } from '../model/key_operation.ts';
import { LIMITS } from '../model/limits.ts';
import type { KeyVersionRecord } from '../store/store.ts';

/** @throws StrongroomError `Forbidden` (`KeyDisabled`, `KeyOperationForbidden`) */
export function requirePermission(record: KeyVersionRecord, operation: KeyOperation): void {
  requireEnabled(record, operation);
  if (!record.operations.includes(operation)) {
    throw forbidden(`Operation ${operation} is not permitted on this key.`, 'KeyOperationForbidden');
  }
}

/** @throws StrongroomError `Forbidden` (`KeyDisabled`) */
export function requireEnabled({ enabled }: KeyVersionRecord, operation: string): void {
  if (!enabled) throw forbidden(`Operation ${operation} is not allowed on a disabled key.`, 'KeyDisabled');
}

/** Who wraps keys to an exchange key has its version in his hands. @throws StrongroomError `Forbidden` (`KeyOperationForbidden`) */
export function requireRotatable({ operations }: KeyVersionRecord): void {
  if (operations.includes('import')) {
    throw forbidden('Operation rotate is not permitted on this key.', 'KeyOperationForbidden');
  }
}

/** `nowMs` in unix milliseconds. @throws StrongroomError `Forbidden` (`KeyNotYetValid`, `KeyExpired`) */
export function requireValidity(record: KeyVersionRecord, operation: KeyOperation, nowMs: number): void {
  const now = nowMs / 1000;
  const { notBefore, expires } = record;
  if (notBefore !== undefined && now < notBefore - LIMITS.keyDateLeewaySeconds) {
    throw forbidden(`Operation ${operation} is not allowed on a key that is not yet valid.`, 'KeyNotYetValid');
  }
  if (expires !== undefined && now >= expires + LIMITS.keyDateLeewaySeconds) {
    throw forbidden(`Operation ${operation} is not allowed on an expired key.`, 'KeyExpired');
  }
}

function forbidden(message: string, innerCode: string): StrongroomError {
  return new StrongroomError('Forbidden', message, { innerCode });
}
