import { join } from 'node:path';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import type { ContenderSetup } from './contender.ts';

export type PoolSetup = Pick<
  ContenderSetup,
  'module' | 'tokenSerial' | 'pin' | 'directory' | 'visibility' | 'signatureChecks' | 'hosts' | 'isolation' | 'profile'
>;

/** A pool over the scratch token, as its tuning profile has it. */
export function openPool(setup: PoolSetup): Promise<HsmPool> {
  return HsmPool.open({
    module: setup.module,
    token: { serial: setup.tokenSerial },
    pin: { value: Buffer.from(setup.pin) },
    stateDirectory: join(setup.directory, 'state'),
    isolation: setup.isolation,
    environment: moduleEnvironment(),
    profile: setup.profile,
    hosts: setup.hosts,
    sessionObjects: setup.visibility,
    signatureChecks: setup.signatureChecks,
  });
}

/** What the module needs of this process's own environment. */
function moduleEnvironment(): Record<string, string> {
  const { SOFTHSM2_CONF, FAULT_MODULE_CONTROL } = process.env;
  return { SOFTHSM2_CONF: SOFTHSM2_CONF!, ...(FAULT_MODULE_CONTROL !== undefined && { FAULT_MODULE_CONTROL }) };
}

/** Pool, store and engine, put together as an embedder does. */
export interface OpenEngine {
  readonly pool: HsmPool;
  readonly store: SqliteStore;
  readonly engine: KeyEngine;
  close(): Promise<void>;
}

export async function openEngine(setup: PoolSetup): Promise<OpenEngine> {
  const pool = await openPool(setup);
  const store = await SqliteStore.open(join(setup.directory, 'keys.sqlite'));
  const engine = await KeyEngine.open({ pool, store });
  const close = async (): Promise<void> => {
    await engine.close();
    await pool.close();
    await store.close();
  };
  return { pool, store, engine, close };
}
