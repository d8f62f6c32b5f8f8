/** A line of the log that tells of something that was done, or was to be, as a person asks for it. */
export interface AuditRecord {
  readonly sequence: number;
  /** ISO 8601. */
  readonly time: string;
  readonly operation: string;
  readonly result: string;
  readonly innerCode: string | undefined;
  readonly status: number | undefined;
  readonly durationMs: number | undefined;
  readonly keyName: string | undefined;
  readonly keyVersion: string | undefined;
  readonly algorithm: string | undefined;
  readonly target: string | undefined;
  /** What the principal can be called by: object id, application id. */
  readonly principals: readonly string[];
  readonly callerAddress: string | undefined;
  readonly requestId: string | undefined;
  /** The line as it stands there. */
  readonly line: string;
}

/** Categories of such lines. */
export const RECORDS: ReadonlySet<unknown> = new Set(['AuditEvent', 'AuditRequest']);

/** `undefined` for lines of the log's own, and for what is no line. */
export function readRecord(bytes: Buffer): AuditRecord | undefined {
  const line = bytes.toString('utf8');
  const members = parse(line);
  if (!RECORDS.has(members.category)) return undefined;
  const properties = parse(members.properties);
  return {
    sequence: Number(members.sequence),
    time: String(members.time),
    operation: String(members.operationName),
    result: String(members.resultType),
    innerCode: text(members.resultSignature),
    status: number(members.httpStatusCode),
    durationMs: number(members.durationMs),
    keyName: text(properties.keyName),
    keyVersion: text(properties.keyVersion),
    algorithm: text(properties.algorithm),
    target: text(properties.target),
    principals: principalsOf(parse(members.identity)),
    callerAddress: text(members.callerIpAddress),
    requestId: text(properties.requestId),
    line,
  };
}

type Members = Readonly<Record<string, unknown>>;

/** The members of an object, or of one in a JSON text. */
function parse(value: unknown): Members {
  if (typeof value === 'string') {
    try {
      return parse(JSON.parse(value) as object);
    } catch {
      return {};
    }
  }
  return typeof value === 'object' && value !== null ? (value as Members) : {};
}

const PRINCIPAL_CLAIMS = ['http://schemas.microsoft.com/identity/claims/objectidentifier', 'appid'];

function principalsOf({ claim }: Members): readonly string[] {
  const claims = parse(claim);
  return PRINCIPAL_CLAIMS.map((name) => claims[name]).filter((value) => typeof value === 'string');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}
