import { existsSync } from 'node:fs';
import type { AuditTable } from './audit/audit_table.ts';
import { ConfigurationError } from './config/configuration_error.ts';
import { createDataDirectory, type DataDirectory, dataDirectory } from './config/data_directory.ts';
import { hostNames, originOf } from './config/host_names.ts';
import { readPasswordFile } from './config/password_file.ts';
import type { Configuration } from './config/settings.ts';
import { KeyEngine } from './engine/key_engine.ts';
import { syncSoftHsmTokens } from './pkcs11/softhsm_configuration.ts';
import { HsmPool } from './pool/hsm_pool.ts';
import type { Readiness } from './server/health.ts';
import { keepHouse } from './start/keep_house.ts';
import { requireNativeCore } from './start/native_core.ts';
import { openAudit } from './start/open_audit.ts';
import { openBackups } from './start/open_backups.ts';
import { activateByItself, openSecurityDomain } from './start/open_security_domain.ts';
import { preparePool } from './start/prepare_pool.ts';
import type { PostgresStoreOptions } from './store/postgres_store.ts';
import { SealedDocuments } from './store/sealed_documents.ts';
import { SqliteStore } from './store/sqlite_store.ts';
import type { Store } from './store/store.ts';

export { inspectToken, type TokenInspection } from './start/inspect_token.ts';
export { requireNativeCore } from './start/native_core.ts';

/** A server that answers. */
export interface RunningServer {
  readonly url: string;
  /** Lets requests in flight be answered, then ends everything in the opposite order of its start. */
  close(): Promise<void>;
}

/** What the pool has left to do once the server has answered its last request. */
const POOL_DRAIN_MS = 1_000;

/**
 * The composition root: from settings to a server that answers. The token takes longest to start, so the libraries of the server load
 * while it does.
 * @throws ConfigurationError, StrongroomError `ServiceUnavailable`, or the system's error for an address that cannot be had
 */
export async function start(configuration: Configuration): Promise<RunningServer> {
  const files = dataDirectory(configuration.dataDir);
  await createDataDirectory(files);
  requireNativeCore().hardenProcess();
  const [core, prepared] = await Promise.all([
    openCore(configuration, files),
    import('./start/prepare_server.ts').then(({ prepareServer }) => prepareServer(configuration, files)),
  ]);
  const { engine, pool } = core;
  const documents = new SealedDocuments(pool, core.store);
  const identity = await prepared.openIdentity(documents);
  const { tenantId } = identity;
  const audit = await openAudit(configuration, files, pool, await openAuditTable(configuration), {
    log: prepared.log,
    tenantId,
  });
  const readiness = (): Readiness => {
    const { state } = pool.status();
    if (!audit.isTaking) return { ready: false, reason: 'the audit log cannot be written' };
    return state === 'ready' || state === 'degraded' ? { ready: true } : { ready: false, reason: `pool ${state}` };
  };
  const securityDomain = await openSecurityDomain(configuration, pool, documents, prepared.log);
  const backups = await openBackups(configuration, files, {
    ...core,
    documents,
    audit,
    firstApplication: identity.first?.servicePrincipal.id,
    log: prepared.log,
  });
  const server = await prepared.open({ engine, documents, identity, audit, securityDomain, backups, readiness });
  const managedIdentities = await prepared.openManagedIdentities(identity, audit);
  const activated = activateByItself(securityDomain, configuration, files, prepared.log);
  const house = keepHouse(engine, audit, prepared.log);
  return {
    url: originOf(hostNames(configuration).pool, configuration.listen[0]?.port ?? 0),
    close: async () => {
      await managedIdentities?.close();
      await server.close();
      await activated;
      await backups.close();
      await house.stop();
      await engine.close();
      // Behind the engine: what that was still doing is on record as well.
      await audit.close();
      await pool.close({ drainMs: POOL_DRAIN_MS });
      await core.store.close();
    },
  };
}

interface Core {
  readonly pool: HsmPool;
  readonly store: Store;
  readonly engine: KeyEngine;
}

async function openCore(configuration: Configuration, files: DataDirectory): Promise<Core> {
  const shared = await openSharedStore(configuration);
  const storeIsNew = shared === undefined ? !existsSync(files.store) : await holdsNoKey(shared);
  const options = await preparePool(configuration, files, storeIsNew);
  const [pool, store] = await Promise.all([HsmPool.open(options), shared ?? SqliteStore.open(files.store)]);
  const { custody, operationTimeoutMs, operationsAdmitted } = configuration.engine;
  const { perPool, versionsPerKey, ...recovery } = configuration.keys;
  const { softHsmTokenDirectory: tokens } = options;
  const engine = await KeyEngine.open({
    pool,
    store,
    custody,
    operationTimeoutMs,
    recovery,
    limits: { operationsAdmitted, keys: perPool, versionsPerKey },
    syncToken: tokens === undefined ? undefined : () => syncSoftHsmTokens(tokens),
  });
  return { pool, store, engine };
}

/** The store that several servers have in common, where one is configured. */
async function openSharedStore(configuration: Configuration): Promise<Store | undefined> {
  const options = await sharedStoreOptions(configuration);
  if (options === undefined) return undefined;
  const { PostgresStore } = await import('./store/postgres_store.ts');
  return PostgresStore.open(options);
}

/**
 * The table of audit logs in that store, which has been opened at least once; `undefined` where logs are in files.
 * @throws ConfigurationError when there is no such store
 */
export async function openAuditTable(configuration: Configuration): Promise<AuditTable | undefined> {
  if (configuration.audit.ledger === 'file') return undefined;
  const options = await sharedStoreOptions(configuration);
  if (options === undefined) {
    throw new ConfigurationError([{ path: 'audit.ledger', message: 'Expected store.url to be set for postgres.' }]);
  }
  const { PostgresAuditTable } = await import('./store/postgres_audit_table.ts');
  return new PostgresAuditTable(options);
}

async function sharedStoreOptions({
  store: { url, passwordFile },
}: Configuration): Promise<PostgresStoreOptions | undefined> {
  if (url === undefined) return undefined;
  if (passwordFile === undefined) return { url };
  const password = (): Promise<string> => readPasswordFile(passwordFile, 'store.passwordFile');
  // What is wrong with the file is told as such, and not as a database that refuses.
  await password();
  return { url, password };
}

async function holdsNoKey(store: Store): Promise<boolean> {
  const first = { after: undefined, limit: 1 };
  const lists = await Promise.all([store.listKeys('active', first), store.listKeys('deleted', first)]);
  return lists.every((list) => list.length === 0);
}
