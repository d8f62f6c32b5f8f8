import { type AuditRecord, readRecord } from '../audit/audit_record.ts';
import { followParts } from '../audit/follow_parts.ts';
import { readCount, readTime } from './audit_option.ts';
import { type RecordFormat, recordLine } from './audit_record_line.ts';
import { type AuditSourceOptions, withAuditSource } from './audit_source.ts';

export interface AuditSearchOptions extends AuditSourceOptions, RecordFormat {
  readonly key?: string;
  readonly principal?: string;
  readonly operation?: string;
  readonly result?: string;
  readonly request?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
}

/** Prints the records that meet every condition, in the order of the log; 1 when there are none. */
export async function searchAudit(options: AuditSearchOptions, directory?: string): Promise<number> {
  const limit = readCount('--limit', options.limit) ?? Number.POSITIVE_INFINITY;
  const conditions = conditionsOf(options);
  return withAuditSource(options, directory, async (source) => {
    let found = 0;
    const [first] = await source.parts();
    if (first === undefined) return 1;
    for await (const lines of followParts(source, first, false)) {
      for (const record of lines.map(readRecord)) {
        if (record === undefined || !conditions.every((holds) => holds(record))) continue;
        console.log(recordLine(record, options));
        found++;
        if (found === limit) return 0;
      }
    }
    return found > 0 ? 0 : 1;
  });
}

type Condition = (record: AuditRecord) => boolean;

/** Words are compared without regard to case, but for names of keys. The whole log is looked at for times: a clock may have been set back. */
function conditionsOf(options: AuditSearchOptions): readonly Condition[] {
  const since = readTime('--since', options.since);
  const until = readTime('--until', options.until);
  const { key, principal, operation, result, request } = options;
  return [
    ...(key === undefined ? [] : [({ keyName }: AuditRecord) => keyName === key]),
    ...(principal === undefined ? [] : [({ principals }: AuditRecord) => principals.some((id) => same(id, principal))]),
    ...(operation === undefined ? [] : [(record: AuditRecord) => same(record.operation, operation)]),
    ...(result === undefined
      ? []
      : [({ result: code, innerCode }: AuditRecord) => same(code, result) || same(innerCode ?? '', result)]),
    ...(request === undefined ? [] : [({ requestId }: AuditRecord) => same(requestId ?? '', request)]),
    ...(since === undefined ? [] : [({ time }: AuditRecord) => Date.parse(time) >= since]),
    ...(until === undefined ? [] : [({ time }: AuditRecord) => Date.parse(time) < until]),
  ];
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
