import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditLog } from '../audit/audit_log.ts';
import { FileLedger } from '../audit/file_ledger.ts';
import { HeadsFile } from '../audit/heads_file.ts';
import type { OnTrouble } from '../audit/ledger.ts';
import { parseSyslogAddress, SyslogCopy } from '../audit/syslog_copy.ts';
import { auditKey } from '../audit/tree_head.ts';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { DataDirectory } from '../config/data_directory.ts';
import { readPrivateFile, writePrivateFile } from '../config/private_file.ts';
import type { Configuration } from '../config/settings.ts';
import { StrongroomError } from '../model/errors.ts';
import type { HsmPool } from '../pool/hsm_pool.ts';
import type { PreparedServer } from './prepare_server.ts';

/**
 * The audit log of the data directory, signed by the pool; beside it the public half of the key that signs.
 * @throws ConfigurationError, StrongroomError `ServiceUnavailable`
 */
export async function openAudit(
  { audit, hsm }: Configuration,
  files: DataDirectory,
  pool: HsmPool,
  { log, tenantId }: Pick<PreparedServer, 'log' | 'tenantId'>,
): Promise<AuditLog> {
  const { durability, fileBytes, recordsPerHead, headSeconds, headsFile, syslog } = audit;
  const onTrouble: OnTrouble = (what, error) => log.error({ err: error }, what);
  const address = syslog === undefined ? undefined : parseSyslogAddress(syslog);
  if (syslog !== undefined && address === undefined) {
    throw new ConfigurationError([{ path: 'audit.syslog', message: 'Expected tcp://HOST:PORT or unix:/PATH.' }]);
  }
  const publicKey = auditKey(await pool.auditPublicKey());
  const directory = files.audit;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await keepKey(join(directory, 'audit_key.pem'), publicKey.export({ format: 'pem', type: 'spki' }).toString());
    const ledger = await FileLedger.open({ directory, durability, publicKey });
    return await AuditLog.open({
      ledger,
      place: { tenantId, poolName: hsm.name },
      signer: pool,
      publicKey,
      fileBytes,
      headEvery: { records: recordsPerHead, ms: headSeconds * 1000 },
      headCopies: headsFile === undefined ? [] : [new HeadsFile(headsFile)],
      copies: address === undefined ? [] : [new SyslogCopy(address, onTrouble)],
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

/** For auditors to take away: what the log says of itself is only as good as a key that comes from elsewhere. */
async function keepKey(path: string, pem: string): Promise<void> {
  if ((await readPrivateFile(path)) !== pem) await writePrivateFile(path, pem);
}
