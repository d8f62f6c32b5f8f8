import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { AuditLog, type AuditLogOptions } from '../audit/audit_log.ts';
import type { AuditTable } from '../audit/audit_table.ts';
import { lockDirectory } from '../audit/directory_lock.ts';
import { FileLedger } from '../audit/file_ledger.ts';
import { HeadsFile } from '../audit/heads_file.ts';
import { HeadsPost } from '../audit/heads_post.ts';
import type { Ledger, OnTrouble } from '../audit/ledger.ts';
import { StdoutCopy } from '../audit/stdout_copy.ts';
import { parseSyslogAddress, SyslogCopy } from '../audit/syslog_copy.ts';
import { TableLedger } from '../audit/table_ledger.ts';
import { auditKey, readKeyText } from '../audit/tree_head.ts';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { DataDirectory } from '../config/data_directory.ts';
import { readPrivateFile, writePrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { StrongroomError } from '../model/errors.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';

export interface AuditCircumstances {
  readonly log: Logger;
  readonly tenantId: string;
  /** Of the audit key before a recovery, where there has been one. */
  readonly formerAuditKey: string | undefined;
}

/**
 * The audit log of this server, in its data directory or in the table, signed by the pool; in the directory also the public half of the key
 * that signs.
 * @throws ConfigurationError, StrongroomError `ServiceUnavailable`
 */
export async function openAudit(
  { audit, hsm }: Configuration,
  files: DataDirectory,
  pool: HsmPool,
  table: AuditTable | undefined,
  { log, tenantId, formerAuditKey }: AuditCircumstances,
): Promise<AuditLog> {
  const { durability, fileBytes, recordsPerHead, headSeconds } = audit;
  const onTrouble: OnTrouble = (what, error) => log.error({ err: error }, what);
  const copies = openCopies(audit, onTrouble);
  const publicKey = auditKey(await pool.auditPublicKey());
  const formerKey = formerAuditKey === undefined ? undefined : readKeyText(formerAuditKey);
  const directory = files.audit;
  const openLedger = (): Promise<Ledger> =>
    table === undefined
      ? FileLedger.open({ directory, durability, publicKey, formerKey })
      : TableLedger.open({ table, lock: lockDirectory(directory), publicKey, formerKey });
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await keepKey(join(directory, 'audit_key.pem'), publicKey.export({ format: 'pem', type: 'spki' }).toString());
    return await AuditLog.open({
      ledger: await openLedger(),
      place: { tenantId, poolName: hsm.name },
      signer: pool,
      publicKey,
      fileBytes,
      headEvery: { records: recordsPerHead, ms: headSeconds * 1000 },
      ...copies,
      onTrouble,
    });
  } catch (error) {
    if (error instanceof StrongroomError) throw error;
    throw new StrongroomError('ServiceUnavailable', `The audit log in ${directory} cannot be opened.`, {
      innerCode: 'AuditUnavailable',
      cause: error,
    });
  }
}

/** Where records and heads go beside the ledger. */
function openCopies(
  { headsFile, headsUrl, stdout, syslog }: Configuration['audit'],
  onTrouble: OnTrouble,
): Pick<AuditLogOptions, 'copies' | 'headCopies'> {
  const address = syslog === undefined ? undefined : parseSyslogAddress(syslog);
  if (syslog !== undefined && address === undefined) {
    throw new ConfigurationError([{ path: 'audit.syslog', message: 'Expected tcp://HOST:PORT or unix:/PATH.' }]);
  }
  return {
    copies: [
      ...(stdout ? [new StdoutCopy(standardOutput(), onTrouble)] : []),
      ...(address === undefined ? [] : [new SyslogCopy(address, onTrouble)]),
    ],
    headCopies: [
      ...(headsFile === undefined ? [] : [new HeadsFile(headsFile)]),
      ...(headsUrl === undefined ? [] : [new HeadsPost(headsUrl)]),
    ],
  };
}

/** As a file: `process.stdout` would hold up the whole process where a pipe is full. */
function standardOutput(): WriteStream {
  return createWriteStream('', { fd: 1, autoClose: false });
}

/** For auditors to take away: what the log says of itself is only as good as a key that comes from elsewhere. */
async function keepKey(path: string, pem: string): Promise<void> {
  if ((await readPrivateFile(path)) !== pem) await writePrivateFile(path, pem);
}
