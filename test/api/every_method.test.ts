import { execFile } from 'node:child_process';
import type { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { RunningServer } from './running_server.ts';
import { testAgainstSwagger, type WireExchange } from './swagger.ts';

const PROGRAM = new URL('sdk_every_method.mjs', import.meta.url).pathname;
const ISSUER = 'https://attestation.example';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-every-method-'));

/** An authority whose keys the server knows, and one that it does not know. */
const authority = await generateKeyPair('RS256');
const stranger = await generateKeyPair('RS256');
const environment = await generateKeyPair('RSA-OAEP-256', { modulusLength: 2048, extractable: true });
writeFileSync(
  join(directory, 'keys.json'),
  JSON.stringify({ keys: [{ ...(await exportJWK(authority.publicKey)), kid: 'a', alg: 'RS256', use: 'sig' }] }),
);
writeFileSync(
  join(directory, 'authorities.json'),
  JSON.stringify({ authorities: [{ issuer: ISSUER, keysFile: 'keys.json' }] }),
);

async function attestationToken(key: webcrypto.CryptoKey): Promise<string> {
  const recipient = {
    ...(await exportJWK(environment.publicKey)),
    kid: 'environment',
    use: 'enc',
    key_ops: ['encrypt'],
  };
  return new SignJWT({ 'sdk-test': true, 'x-ms-runtime': { keys: [recipient] } })
    .setProtectedHeader({ alg: 'RS256', kid: 'a' })
    .setIssuer(ISSUER)
    .setIssuedAt()
    .setExpirationTime('10m')
    .sign(key);
}

const server = await RunningServer.start({
  STRONGROOM_RELEASE_AUTHORITIES_FILE: join(directory, 'authorities.json'),
});

interface Output {
  readonly report: Record<string, Record<string, unknown>>;
  readonly exchanges: readonly WireExchange[];
  readonly releasePolicy: object;
}

const environmentOfProgram = {
  ...server.environment,
  TEST_ISSUER: ISSUER,
  TEST_TOKEN: await attestationToken(authority.privateKey),
  TEST_STRANGER: await attestationToken(stranger.privateKey),
};
const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], {
  env: environmentOfProgram,
  maxBuffer: 64 * 1024 * 1024,
}).finally(async () => {
  await server.remove();
  rmSync(directory, { recursive: true });
});
const { report, exchanges, releasePolicy } = JSON.parse(stdout) as Output;

test('a key is created with everything that it is to have', (t) => {
  t.deepEqual(report.create as object, {
    keyType: 'RSA-HSM',
    keyOperations: ['decrypt', 'encrypt', 'sign', 'unwrapKey', 'verify', 'wrapKey'],
    modulusBytes: 256,
    tags: { purpose: 'test' },
    expires: true,
    notBefore: 1000,
    recoverableDays: 90,
    recoveryLevel: 'Recoverable+Purgeable',
    exportable: false,
    vaultUrl: true,
  });
});

test('a second create makes a version, and both are there', (t) => {
  t.true(report.secondVersion as unknown as boolean);
  t.deepEqual(report.get as unknown, [true, true]);
});

test('an update changes what it names, and what it forbids is forbidden', (t) => {
  t.deepEqual(report.update as object, {
    enabled: false,
    tags: { other: 'tag' },
    keptExpiry: true,
    newest: [true, ['sign']],
  });
  t.is(report.disabled as unknown, '403 Forbidden');
});

test('keys of all kinds are imported', (t) => {
  t.deepEqual(report.imported as unknown, ['RSA-HSM', 'EC-HSM', 'oct-HSM']);
});

test('every signature algorithm of the client signs, verifies and tells a forgery', (t) => {
  const names = ['RS256', 'PS256', 'RS384', 'PS384', 'RS512', 'PS512', 'ES256', 'ES256K', 'ES384', 'ES512'];
  t.deepEqual(Object.keys(report.signatures ?? {}), names);
  for (const name of names) t.deepEqual(report.signatures?.[name], [true, false, true], name);
});

test('every encryption algorithm of the client opens what it has sealed', (t) => {
  t.deepEqual(report.rsa as object, {
    RSA1_5: [true, true],
    'RSA-OAEP': [true, true],
    'RSA-OAEP-256': [true, true],
  });
  const all = [true, true, true, true];
  t.deepEqual(report.aes as object, { 128: all, 192: all, 256: all });
  t.true(report.byName as unknown as boolean);
});

test('a rotation policy is set, read, followed by a rotation and taken away', (t) => {
  t.deepEqual(report.rotation as object, {
    without: [[], null],
    policy: [[{ action: 'Rotate', timeAfterCreate: 'P30D' }], 'P90D', true],
    read: 'P90D',
    days: 90,
    versions: [1, 1],
    removed: [],
  });
});

test('keys are listed page by page in the order of their names', (t) => {
  const { sizes, names } = report.list as { sizes: number[]; names: string[] };
  t.deepEqual(names, names.toSorted());
  t.is(new Set(names).size, 12);
  t.true(names.includes('imported-ec'));
  t.deepEqual(sizes, [4, 4, 4]);
});

test('a deleted key is out of use until it is recovered, and its name is taken', (t) => {
  t.deepEqual(report.deleted as object, {
    recoveryId: `${server.url}/deletedkeys/ec-384`,
    days: 90,
    get: '404 KeyNotFound',
    sign: '404 KeyNotFound',
    create: '409 Conflict',
    restore: '409 Conflict',
    again: true,
  });
  t.deepEqual(report.listDeleted as unknown, [['ec-384']]);
  t.deepEqual(report.recovered as unknown, ['ec-384', true]);
});

test('a purged key comes back from its backup alone', (t) => {
  t.is(report.restoreTooEarly as unknown, '409 Conflict');
  t.deepEqual(report.purged as unknown, ['404 KeyNotFound', '404 KeyNotFound']);
  t.deepEqual(report.restored as unknown, [true, true]);
});

test('a key is released to the environment of its policy and to no other', (t) => {
  t.deepEqual(report.release as object, {
    exportable: true,
    immutable: true,
    policy: releasePolicy,
    parts: 3,
    unknown: '403 Forbidden',
    notExportable: '403 Forbidden',
  });
});

test('attestation and random bytes are there', (t) => {
  t.deepEqual(report.attestation as unknown, ['ec-521', true, true]);
  t.is(report.random as unknown, 128);
  t.is(report.missing as unknown, '404 KeyNotFound');
});

testAgainstSwagger('every answer is as the swagger describes it', () => exchanges, 100);
