import { type AuditRecord, readRecord } from '../audit/audit_record.ts';
import { followParts } from '../audit/follow_parts.ts';
import type { LogPart } from '../audit/log_source.ts';
import { readCount } from './audit_option.ts';
import { type RecordFormat, recordLine } from './audit_record_line.ts';
import { type AuditSourceOptions, withAuditSource } from './audit_source.ts';

export interface AuditTailOptions extends AuditSourceOptions, RecordFormat {
  readonly lines?: string;
  readonly follow?: boolean;
}

const RECORDS = 20;

/** The last records of a log, and where that is wanted every one that is written from now on. */
export async function tailAudit(options: AuditTailOptions, directory?: string): Promise<number> {
  const count = readCount('--lines', options.lines) ?? RECORDS;
  const show = (record: AuditRecord): void => console.log(recordLine(record, options));
  return withAuditSource(options, directory, async (source) => {
    const parts = await source.parts();
    for (const record of await lastRecords(parts, count)) show(record);
    const last = parts.at(-1);
    if (options.follow !== true || last === undefined) return 0;
    for await (const lines of followParts(source, last, true)) {
      for (const record of lines.map(readRecord)) if (record !== undefined) show(record);
    }
    return 0;
  });
}

async function lastRecords(parts: readonly LogPart[], count: number): Promise<readonly AuditRecord[]> {
  let records: AuditRecord[] = [];
  for (const part of parts.toReversed()) {
    let those: AuditRecord[] = [];
    for await (const lines of part.lines()) {
      those = [...those, ...lines.map(readRecord).filter((record) => record !== undefined)].slice(-count);
    }
    records = [...those, ...records].slice(-count);
    if (records.length === count) break;
  }
  return records;
}
