import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { dataDirectory } from '../../src/config/data_directory.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { KeyEngine } from '../../src/engine/key_engine.ts';
import { HsmPool } from '../../src/pool/hsm_pool.ts';
import { preparePool } from '../../src/start/prepare_pool.ts';
import { SqliteStore } from '../../src/store/sqlite_store.ts';
import { RunningServer } from '../api/running_server.ts';

const PROGRAM = new URL('../../src/cli/strongroom.ts', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'strongroom-domain-'));
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, 'security-domain', ...args], { timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const at = (name: string): string => join(directory, name);

/** An engine over the data directory, as a server would open it. */
async function withEngine<Result>(
  name: string,
  isNew: boolean,
  use: (engine: KeyEngine) => Promise<Result>,
): Promise<Result> {
  const flags = { dataDir: at(name), 'hsm.hosts': '1' };
  const configuration = loadConfiguration({ file: undefined, environment: {}, flags });
  const files = dataDirectory(configuration.dataDir);
  const pool = await HsmPool.open((await preparePool(configuration, files, isNew)).options);
  const store = await SqliteStore.open(files.store);
  const engine = await KeyEngine.open({ pool, store });
  try {
    return await use(engine);
  } finally {
    await engine.close();
    await store.close();
    await pool.close();
  }
}

const DIGEST = Buffer.alloc(32, 3);
const custodian = (name: string): string => at(`custodians/${name}`);
const certificates = ['anna', 'ben', 'carla'].flatMap((name) => ['--certificate', `${custodian(name)}.cer`]);

test.serial('each custodian makes a key, which nobody else may read and no second one replaces', async (t) => {
  for (const name of ['anna', 'ben', 'carla', 'mallory']) {
    const { code, stderr } = await run('create-key', '--name', name, '--directory', at('custodians'));
    t.is(code, 0, stderr);
    t.is(statSync(`${custodian(name)}.key`).mode & 0o777, 0o600);
  }
  const before = readFileSync(`${custodian('anna')}.key`, 'utf8');
  t.is((await run('create-key', '--name', 'anna', '--directory', at('custodians'))).code, 78);
  t.is(readFileSync(`${custodian('anna')}.key`, 'utf8'), before);
  t.is((await run('create-key', '--name', '../x', '--directory', at('custodians'))).code, 78);
});

let signature: Uint8Array;

test.serial('a store and a quorum bring a lost pool back: the same keys, the same seals', async (t) => {
  signature = await withEngine('first', true, async (engine) => {
    await engine.createKey({ name: 'invoices', spec: { keyType: 'EC-HSM', curve: 'P-256' } });
    return (await engine.sign({ key: { name: 'invoices' }, algorithm: 'ES256', digest: DIGEST })).signature;
  });
  const download = ['download', '--data-dir', at('first'), ...certificates, '--file', at('domain.json')];
  const { code, stderr } = await run(...download);
  t.is(code, 0, stderr);
  t.is(statSync(at('domain.json')).mode & 0o777, 0o600);
  t.is((await run(...download)).code, 78, 'never written over');

  const keys = ['--key', `${custodian('carla')}.key`, '--key', `${custodian('anna')}.key`];
  const recovered = await run('recover', '--data-dir', at('second'), '--file', at('domain.json'), ...keys);
  t.is(recovered.code, 0, recovered.stderr);
  for (const file of readdirSync(at('first')).filter((each) => each.startsWith('strongroom.sqlite'))) {
    copyFileSync(join(at('first'), file), join(at('second'), file));
  }
  const valid = await withEngine('second', false, async (engine) => {
    const { name, version } = await engine.getKey({ name: 'invoices' });
    await engine.sign({ key: { name, version }, algorithm: 'ES256', digest: DIGEST });
    return engine.verify({ key: { name, version }, algorithm: 'ES256', digest: DIGEST, signature });
  });
  t.true(valid.valid);
});

test.serial('a token that came out of a recovery is locked, and a second one finds nothing to do', async (t) => {
  const download = await run('download', '--data-dir', at('second'), ...certificates, '--file', at('other.json'));
  t.is(download.code, 69);
  t.regex(download.stderr, /was locked in the token/);
  t.false(existsSync(at('other.json')));
  const keys = ['--key', `${custodian('carla')}.key`, '--key', `${custodian('anna')}.key`];
  const again = await run('recover', '--data-dir', at('second'), '--file', at('domain.json'), ...keys);
  t.is(again.code, 0, again.stderr);
  t.regex(again.stdout, /has the pool keys of the security domain already/);
});

test.serial('less than a quorum, a stranger or a damaged file recovers nothing and makes no token', async (t) => {
  const damaged = JSON.parse(readFileSync(at('domain.json'), 'utf8'));
  damaged.EncData.data[0].compact_jwe = damaged.EncData.data[0].compact_jwe.replace(/.{8}$/, 'AAAAAAAA');
  writeFileSync(at('damaged.json'), JSON.stringify(damaged));
  const flipped = JSON.parse(readFileSync(at('domain.json'), 'utf8'));
  const [share] = flipped.SharedKeys.enc_shares;
  share.enc_key = share.enc_key.replace(/.{8}$/, 'AAAAAAAA');
  writeFileSync(at('flipped.json'), JSON.stringify(flipped));
  copyFileSync(`${custodian('ben')}.key`, `${custodian('mixed')}.key`);
  copyFileSync(`${custodian('carla')}.cer`, `${custodian('mixed')}.cer`);
  const anna = ['--key', `${custodian('anna')}.key`];
  const ben = ['--key', `${custodian('ben')}.key`];
  const mallory = ['--key', `${custodian('mallory')}.key`];
  const mixed = ['--key', `${custodian('mixed')}.key`];
  for (const [what, file, keys, complaint] of [
    ['one of two', 'domain.json', anna, /takes 2 of its custodians, and there are 1/],
    ['a stranger', 'domain.json', [...anna, ...mallory], /no share for the certificate/],
    [
      'the key of one and the certificate of another',
      'domain.json',
      [...anna, ...mixed],
      /the share .* cannot be opened/,
    ],
    ['one custodian twice', 'domain.json', [...anna, ...anna], /two of them are the same/],
    ['a share with other bits', 'flipped.json', [...anna, ...ben], /the share .* cannot be opened/],
    ['a damaged file', 'damaged.json', [...anna, ...ben], /does not open/],
    ['no domain', 'custodians/anna.cer', [...anna, ...ben], /Expected JSON/],
  ] as const) {
    const { code, stderr } = await run('recover', '--data-dir', at('third'), '--file', at(file), ...keys);
    t.not(code, 0, what);
    t.regex(stderr, complaint, what);
    t.false(existsSync(join(at('third'), 'token', 'so_pin')), what);
  }
});

test.serial('the domain of former pool keys is refused where there is a store, and nothing of it stays', async (t) => {
  await withEngine('former', true, async (engine) => {
    await engine.createKey({ name: 'old', spec: { keyType: 'EC-HSM', curve: 'P-256' } });
  });
  const download = ['download', '--data-dir', at('former'), ...certificates, '--file', at('former.json')];
  t.is((await run(...download)).code, 0);
  mkdirSync(at('fourth'), { mode: 0o700 });
  for (const file of readdirSync(at('first')).filter((each) => each.startsWith('strongroom.sqlite'))) {
    copyFileSync(join(at('first'), file), join(at('fourth'), file));
  }
  const keys = ['--key', `${custodian('carla')}.key`, '--key', `${custodian('anna')}.key`];
  const old = await run('recover', '--data-dir', at('fourth'), '--file', at('former.json'), ...keys);
  t.is(old.code, 69);
  t.regex(old.stderr, /has other pool keys than those under whose seals the store is/);
  const right = await run('recover', '--data-dir', at('fourth'), '--file', at('domain.json'), ...keys);
  t.is(right.code, 0, right.stderr);
});

test.serial('locking asks to be sure, and then nothing is downloaded any more', async (t) => {
  t.is((await run('lock', '--data-dir', at('first'))).code, 1);
  const again = await run('download', '--data-dir', at('first'), ...certificates, '--file', at('again.json'));
  t.is(again.code, 0, again.stderr);
  t.is((await run('lock', '--data-dir', at('first'), '--yes')).code, 0);
  const late = await run('download', '--data-dir', at('first'), ...certificates, '--file', at('late.json'));
  t.regex(late.stderr, /was locked in the token/);
  t.true(
    (
      await withEngine('first', false, (engine) =>
        engine.verify({ key: { name: 'invoices' }, algorithm: 'ES256', digest: DIGEST, signature }),
      )
    ).valid,
  );
});

test.serial('certificates are 3 to 10 different ones', async (t) => {
  const two = await run('download', '--data-dir', at('first'), ...certificates.slice(0, 4), '--file', at('two.json'));
  t.regex(two.stderr, /Expected 3 to 10 certificates/);
  const high = await run(
    'download',
    '--data-dir',
    at('first'),
    ...certificates,
    '--quorum',
    '4',
    '--file',
    at('two.json'),
  );
  t.not(high.code, 0);
  t.false(existsSync(at('two.json')));
});

test.serial('custodians bring the domain into a server that waits for one, over the network', async (t) => {
  const server = await RunningServer.start({ STRONGROOM_SECURITY_DOMAIN_AUTO_ACTIVATE: 'false' });
  t.teardown(() => server.remove());
  const place = ['--data-dir', server.dataDir, '--file', at('domain.json')];
  const anna = ['--key', `${custodian('anna')}.key`];
  const few = await run('upload', ...place, ...anna);
  t.not(few.code, 0);
  t.regex(few.stderr, /takes 2 of its custodians, and there are 1/);
  const quorum = [...anna, '--key', `${custodian('ben')}.key`];
  const { code, stdout, stderr } = await run('upload', ...place, ...quorum);
  t.is(code, 0, stderr);
  t.regex(stdout, /is active/);
  t.is((await server.get('/keys')).status, 200);
  const again = await run('upload', ...place, ...quorum);
  t.not(again.code, 0);
  t.regex(again.stderr, /The HSM is active/);
});
