import type { AuditRecord } from '../audit/audit_record.ts';

export interface RecordFormat {
  /** Lines as they stand in the log. */
  readonly json?: boolean;
}

/** One line for a person, or the line of the log for a program. */
export function recordLine(record: AuditRecord, { json = false }: RecordFormat): string {
  if (json) return record.line;
  const { sequence, time, operation, result, innerCode, status, durationMs, algorithm, callerAddress } = record;
  const outcome = innerCode === undefined ? result : `${result}/${innerCode}`;
  const key = [record.keyName ?? record.target, record.keyVersion].filter((each) => each !== undefined).join('/');
  return [
    time,
    `#${sequence}`,
    `${operation} ${outcome}`,
    status,
    key,
    algorithm,
    record.principals[0],
    callerAddress,
    durationMs === undefined ? undefined : `${durationMs} ms`,
    record.requestId,
  ]
    .map((field) => (field === undefined || field === '' ? '-' : printable(String(field))))
    .join('  ');
}

/** What a caller wrote does not get to move a terminal's cursor. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\ud7ff\ue000-\uffff]/g, '?');
}
