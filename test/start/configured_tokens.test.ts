import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createDataDirectory, dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../../src/pkcs11/softhsm_configuration.ts';
import { MODULE_PARAMETERS_VARIABLE } from '../../src/pkcs11/vendor_environment.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { inspectTokens } from '../../src/start/inspect_tokens.ts';
import { preparePool } from '../../src/start/prepare_pool.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { NSS_MODULE, testWithNss } from '../fixtures/nss_token.ts';

const SOFTHSM_MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const DIGEST = createHash('sha256').update('configured').digest();

const directory = mkdtempSync(join(tmpdir(), 'strongroom-configured-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string): string => join(directory, name);

/** As operators have them: initialised, without pool keys, each with a PIN of its own. */
test.before(async () => {
  const softHsm = at('softhsm2.conf');
  await writeSoftHsmConfiguration({ path: softHsm, tokenDirectory: at('tokens') });
  // Modules of operators find their own configuration; hosts inherit this variable.
  process.env.SOFTHSM2_CONF = softHsm;
  for (const name of ['left', 'right', 'spare']) {
    writeFileSync(at(`${name}.pin`), `pin-of-${name}\n`, { mode: 0o600 });
    const pins = { soPin: Buffer.from('so-pin-of-tests'), userPin: Buffer.from(`pin-of-${name}`) };
    await startProvisioning({ module: SOFTHSM_MODULE, label: `pool ${name}`, ...pins, makesPoolKeys: false });
  }
  if (NSS_MODULE === undefined) return;
  mkdirSync(at('nss'));
  const pins = { soPin: new Uint8Array(0), userPin: Buffer.from('pin-of-nss') };
  const environment = { [MODULE_PARAMETERS_VARIABLE]: parameters };
  await startProvisioning({ module: NSS_MODULE, label: 'pool nss', environment, ...pins, makesPoolKeys: false });
});

const parameters = `configdir='sql:${at('nss')}' dbTokenDescription='pool nss' flags=noModDB`;
const LEFT = { name: 'left', module: SOFTHSM_MODULE, tokenLabel: 'pool left', pinFile: 'left.pin' };
const RIGHT = { name: 'right', module: SOFTHSM_MODULE, tokenLabel: 'pool right', pinVariable: 'PIN_OF_RIGHT' };

let starts = 0;
/** With a data directory of its own, as a first start. */
async function configured(tokens: readonly object[]) {
  const dataDir = `data-${++starts}`;
  const file = at(`${dataDir}.json`);
  writeFileSync(file, JSON.stringify({ dataDir, hsm: { tokens, hosts: 1 } }));
  const configuration = loadConfiguration({ file, environment: {} });
  const files = dataDirectory(configuration.dataDir);
  await createDataDirectory(files);
  return { configuration, files };
}

test.serial('tokens of the configuration are one pool, each with its own name, PIN and profile', async (t) => {
  process.env.PIN_OF_RIGHT = 'pin-of-right';
  const { configuration, files } = await configured([LEFT, { ...RIGHT, hosts: 2 }]);
  t.deepEqual(
    (await inspectTokens(configuration)).map(({ name, label, state }) => [name, label, state]),
    [
      ['left', 'pool left', 'found'],
      ['right', 'pool right', 'found'],
    ],
  );
  const { options, names } = await preparePool(configuration, files, true);
  t.false('PIN_OF_RIGHT' in process.env, 'no child process inherits it');
  const pool = await HsmPool.open(options);
  t.teardown(() => pool.close({ drainMs: 0 }));
  t.deepEqual(names, ['left', 'right']);
  t.is(pool.label, 'pool left');
  t.deepEqual(
    pool.status().tokens.map(({ name, state, hosts }) => [name, state, hosts]),
    [
      ['left', 'healthy', 1],
      ['right', 'healthy', 2],
    ],
  );
});

test.serial('a token that the module has not got is told by its name, and the others serve', async (t) => {
  const { configuration, files } = await configured([LEFT, { ...LEFT, name: 'lost', tokenLabel: 'lost' }]);
  t.deepEqual(
    (await inspectTokens(configuration)).map(({ state }) => state),
    ['found', 'missing'],
  );
  const pool = await HsmPool.open((await preparePool(configuration, files, true)).options);
  t.teardown(() => pool.close({ drainMs: 0 }));
  t.like(pool.status().tokens[1], { name: 'lost', state: 'suspended', reasonCode: 'TokenNotFound' });
  t.is(pool.status().state, 'degraded');
});

test.serial('a module that cannot be loaded is told for its own token alone', async (t) => {
  const { configuration } = await configured([LEFT, { ...LEFT, name: 'broken', module: '/nowhere.so' }]);
  t.deepEqual(
    (await inspectTokens(configuration)).map(({ state }) => state),
    ['found', 'unknown'],
  );
});

testWithNss.serial(
  'tokens of SoftHSM and of NSS are one pool, and each does what is asked with a key of the other',
  async (t) => {
    const nss = { name: 'nss', module: NSS_MODULE, tokenLabel: 'pool nss', moduleParameters: parameters };
    writeFileSync(at('nss.pin'), 'pin-of-nss', { mode: 0o600 });
    const spare = { ...LEFT, name: 'spare', tokenLabel: 'pool spare', pinFile: 'spare.pin' };
    const { configuration, files } = await configured([spare, { ...nss, pinFile: 'nss.pin' }]);
    const pool = await HsmPool.open((await preparePool(configuration, files, true)).options);
    const store = await SqliteStore.open(files.store);
    const engine = await KeyEngine.open({ pool, store });
    t.teardown(async () => {
      await engine.close();
      await store.close();
      await pool.close({ drainMs: 0 });
    });
    t.deepEqual(
      pool.status().tokens.map(({ name, state, profile, reason }) => [name, state, profile, reason]),
      [
        ['spare', 'healthy', 'softhsm', undefined],
        ['nss', 'healthy', 'nss', undefined],
      ],
    );
    const key = { name: 'shared' };
    await engine.createKey({ ...key, spec: { keyType: 'EC-HSM', curve: 'P-256' } });
    for (const name of ['nss', 'spare']) {
      await pool.drain(name);
      const { signature } = await engine.sign({ key, algorithm: 'ES256', digest: DIGEST });
      pool.resumeToken(name);
      t.true((await engine.verify({ key, algorithm: 'ES256', digest: DIGEST, signature })).valid, name);
    }
  },
);
