import { existsSync } from 'node:fs';
import type { AuditLog } from './audit/audit_log.ts';
import type { AuditTable } from './audit/audit_table.ts';
import { PoolEpoch } from './backup/pool_epoch.ts';
import { ConfigurationError } from './config/configuration_error.ts';
import { createDataDirectory, type DataDirectory, dataDirectory } from './config/data_directory.ts';
import { hostNames, originOf } from './config/host_names.ts';
import { readPasswordFile } from './config/password_file.ts';
import type { Configuration } from './config/settings.ts';
import type { KeyEngineOptions } from './engine/engine_options.ts';
import { KeyEngine } from './engine/key_engine.ts';
import { StrongroomError } from './model/errors.ts';
import { HsmPool } from './pool/hsm_pool.ts';
import type { FailedToken } from './pool/pool_ceremony.ts';
import type { SealProof } from './pool/pool_key_ceremony.ts';
import type { Readiness } from './server/health.ts';
import { Core, holdsNoKey, type PoolAndEngine } from './start/core.ts';
import { CurrentAudit } from './start/current_audit.ts';
import { keepHouse } from './start/keep_house.ts';
import { requireNativeCore } from './start/native_core.ts';
import { openAudit } from './start/open_audit.ts';
import { openBackups } from './start/open_backups.ts';
import { openDomainRecovery, tellWaiting } from './start/open_domain_recovery.ts';
import { activateByItself, openSecurityDomain } from './start/open_security_domain.ts';
import { OperatedTokens } from './start/operated_tokens.ts';
import { type PreparedPool, preparePool } from './start/prepare_pool.ts';
import { poolProof, settleRecovery } from './start/settle_recovery.ts';
import { tokenSync } from './start/token_sync.ts';
import { TokenWatch } from './start/watch_tokens.ts';
import { postgresAddress } from './store/postgres_address.ts';
import type { PostgresStoreOptions } from './store/postgres_store.ts';
import { SealedDocuments } from './store/sealed_documents.ts';
import { SqliteStore } from './store/sqlite_store.ts';
import type { Store } from './store/store.ts';

export { inspectTokens, type TokenInspection } from './start/inspect_tokens.ts';
export { requireNativeCore } from './start/native_core.ts';

/** A server that answers. */
export interface RunningServer {
  readonly url: string;
  /** Resolves, with what it was, when something has gone wrong that another start alone puts right. */
  readonly lost: Promise<unknown>;
  /** Lets requests in flight be answered, then ends everything in the opposite order of its start. */
  close(): Promise<void>;
}

/**
 * The composition root: from settings to a server that answers. The token takes longest to start, so the libraries of the server load
 * while it does.
 * @throws ConfigurationError, StrongroomError `ServiceUnavailable`, or the system's error for an address that cannot be had
 */
export async function start(configuration: Configuration): Promise<RunningServer> {
  const files = dataDirectory(configuration.dataDir);
  await createDataDirectory(files);
  requireNativeCore().hardenProcess();
  const [{ core, preparedPool, waiting }, prepared] = await Promise.all([
    openCore(configuration, files),
    import('./start/prepare_server.ts').then(({ prepareServer }) => prepareServer(configuration, files)),
  ]);
  const { log } = prepared;
  for (const token of preparedPool.unused)
    log.warn({ token }, 'a token of our own is not used: hsm.ownTokens is less than it was');
  tellWaiting(waiting, log);
  const documents = new SealedDocuments(core, core.store);
  const identity = await prepared.openIdentity(documents);
  const securityDomain = await openSecurityDomain(configuration, core, documents, log);
  const openLog = async (formerAuditKey: string | undefined): Promise<AuditLog> => {
    const circumstances = { log, tenantId: identity.tenantId, formerAuditKey };
    return openAudit(configuration, files, core.pool, await openAuditTable(configuration), circumstances);
  };
  const audit = new CurrentAudit(await openLog(securityDomain.activation?.formerAuditKey));
  const lost = Promise.withResolvers<unknown>();
  const domainRecovery = openDomainRecovery(
    {
      configuration,
      files,
      core,
      documents,
      beginAudit: async (renewCore, formerAuditKey) => {
        await audit.replace(async () => {
          await renewCore();
          return openLog(formerAuditKey);
        });
        server.replaceEngine(core.engine);
      },
      onHalfDone: lost.resolve,
    },
    securityDomain,
    log,
  );
  const firstApplication = identity.first?.servicePrincipal.id;
  const backups = await openBackups(configuration, files, { core, documents, audit, firstApplication, log });
  const server = await prepared.open({
    engine: core.engine,
    documents,
    identity,
    audit,
    securityDomain,
    domainRecovery,
    backups,
    epoch: core.epoch,
    tokens: new OperatedTokens(core, preparedPool),
    readiness: () => {
      const isRestoring = domainRecovery.isRestoring || backups.isRestoring;
      const settled = securityDomain.isActive ? 'Active' : 'NotActivated';
      return { ...readinessOf(core, audit), activation: isRestoring ? 'Restoring' : settled };
    },
  });
  const managedIdentities = await prepared.openManagedIdentities(identity, audit);
  const activated = activateByItself(securityDomain, configuration, files, log);
  const house = keepHouse(core, audit, log);
  const watch = new TokenWatch(core, log);
  return {
    url: originOf(hostNames(configuration).pool, configuration.listen[0]?.port ?? 0),
    lost: lost.promise,
    close: async () => {
      watch.stop();
      await managedIdentities?.close();
      await server.close();
      await activated;
      await domainRecovery.close();
      await backups.close();
      await house.stop();
      // Behind the engine: what that was still doing is on record as well.
      await core.close(() => audit.close());
    },
  };
}

function readinessOf({ pool }: Core, audit: CurrentAudit): Readiness {
  const { state, tokens: reports } = pool.status();
  const tokens = Object.fromEntries(
    [...Map.groupBy(reports, (report) => report.state)].map(([each, those]) => [each, those.length]),
  );
  if (!audit.isTaking) return { ready: false, reason: 'the audit log cannot be written', tokens };
  if (state === 'ready') return { ready: true, tokens };
  return { ready: state === 'degraded', reason: `pool ${state}`, tokens };
}

/** With the tokens in which the end of a recovery has to wait for another start. */
async function openCore(
  configuration: Configuration,
  files: DataDirectory,
): Promise<{
  readonly core: Core;
  readonly preparedPool: PreparedPool;
  readonly waiting: readonly FailedToken[];
}> {
  const shared = await openSharedStore(configuration);
  const storeIsNew = shared === undefined ? !existsSync(files.store) : await holdsNoKey(shared);
  const interrupted = existsSync(files.recovery);
  const openStore = async (): Promise<Store> => shared ?? SqliteStore.open(files.store);
  const settled = interrupted ? await openStore() : undefined;
  const waiting = settled === undefined ? [] : await settleRecovery(configuration, files, settled);
  const preparedPool = await preparePool(configuration, files, storeIsNew);
  const opening = settled === undefined ? openStore() : Promise.resolve(settled);
  const sealed = async (): Promise<SealProof | undefined> => poolProof(await opening);
  const [pool, store] = await Promise.all([HsmPool.open({ ...preparedPool.options, sealed }), opening]);
  const epoch = await PoolEpoch.open(store);
  const withEngine = async (opened: HsmPool): Promise<PoolAndEngine> => {
    return { pool: opened, engine: await openEngine(configuration, { pool: opened, store, epoch }) };
  };
  const open = async () => withEngine(await HsmPool.open({ ...preparedPool.options, sealed, poolKeys: 'require' }));
  return { core: new Core(store, epoch, await withEngine(pool), open), preparedPool, waiting };
}

function openEngine(
  { engine, keys }: Configuration,
  parts: Pick<KeyEngineOptions, 'pool' | 'store' | 'epoch'>,
): Promise<KeyEngine> {
  const { custody, operationTimeoutMs, operationsAdmitted } = engine;
  const { perPool, versionsPerKey, ...recovery } = keys;
  return KeyEngine.open({
    ...parts,
    custody,
    operationTimeoutMs,
    recovery,
    limits: { operationsAdmitted, keys: perPool, versionsPerKey },
    syncToken: tokenSync(parts.pool),
  });
}

/** The store that several servers have in common, where one is configured. */
async function openSharedStore(configuration: Configuration): Promise<Store | undefined> {
  const options = await sharedStoreOptions(configuration);
  if (options === undefined) return undefined;
  const { PostgresStore } = await import('./store/postgres_store.ts');
  return PostgresStore.open(options);
}

/**
 * Something that the store holds, with the seal that it carries, which tells whose pool keys are the pool's; `undefined` where there is
 * nothing in it yet, or a server has it open, whose tokens tell.
 * @throws ConfigurationError, StrongroomError `ServiceUnavailable`
 */
export async function storedSeal(configuration: Configuration): Promise<SealProof | undefined> {
  const shared = await openSharedStore(configuration);
  const { store: path } = dataDirectory(configuration.dataDir);
  if (shared === undefined && !existsSync(path)) return undefined;
  let store: Store;
  try {
    store = shared ?? (await SqliteStore.open(path));
  } catch (error) {
    if (error instanceof StrongroomError && error.innerCode === 'StoreInUse') return undefined;
    throw error;
  }
  try {
    return await poolProof(store);
  } finally {
    await store.close();
  }
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
  requireAddress(url);
  if (passwordFile === undefined) return { url };
  const password = (): Promise<string> => readPasswordFile(passwordFile, 'store.passwordFile');
  // What is wrong with the file is told as such, and not as a database that refuses.
  await password();
  return { url, password };
}

/** What is wrong with the address will not go away, and is told like any other setting that will not do. */
function requireAddress(url: string): void {
  try {
    postgresAddress(url);
  } catch (error) {
    throw new ConfigurationError([{ path: 'store.url', message: (error as Error).message }]);
  }
}
