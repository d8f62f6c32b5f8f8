// Calls every method of KeyClient and CryptographyClient, and writes down what came of it and what went over the wire.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { DefaultAzureCredential } from '@azure/identity';
import { CryptographyClient, KeyClient } from '@azure/keyvault-keys';

const exchanges = [];
const recorder = {
  name: 'recorder',
  async sendRequest(request, next) {
    const response = await next(request);
    const body = response.bodyAsText ? JSON.parse(response.bodyAsText) : undefined;
    if (response.status !== 401) {
      exchanges.push({ method: request.method, url: request.url, status: response.status, body });
    }
    return response;
  },
};
const options = { additionalPolicies: [{ policy: recorder, position: 'perRetry' }] };
const credential = new DefaultAzureCredential();
const keys = new KeyClient(process.env.STRONGROOM_URL, credential, options);
const cryptography = (key) => new CryptographyClient(key, credential, options);
const pace = { intervalInMs: 20 };
const same = (one, other) => Buffer.from(one).equals(Buffer.from(other));
const outcome = (promise) =>
  promise.then(
    () => 'done',
    (error) => `${error.statusCode} ${error.code}`,
  );
const all = async (pages) => {
  const found = [];
  for await (const page of pages) found.push(page.map(({ name, version }) => version ?? name));
  return found;
};
const report = {};

// --- Create, get, update --------------------------------------------------------------------------------------------

const expiresOn = new Date(Date.now() + 86_400_000);
expiresOn.setMilliseconds(0);
const created = await keys.createRsaKey('rsa', {
  keySize: 2048,
  keyOps: ['sign', 'verify', 'encrypt', 'decrypt', 'wrapKey', 'unwrapKey'],
  tags: { purpose: 'test' },
  enabled: true,
  notBefore: new Date(1000),
  expiresOn,
});
report.create = {
  keyType: created.keyType,
  keyOperations: [...created.keyOperations].sort(),
  modulusBytes: created.key.n.length,
  tags: created.properties.tags,
  expires: created.properties.expiresOn.getTime() === expiresOn.getTime(),
  notBefore: created.properties.notBefore.getTime(),
  recoverableDays: created.properties.recoverableDays,
  recoveryLevel: created.properties.recoveryLevel,
  exportable: created.properties.exportable,
  vaultUrl: created.properties.vaultUrl === process.env.STRONGROOM_URL,
};
const second = await keys.createKey('rsa', 'RSA', { keySize: 3072 });
report.secondVersion = second.properties.version !== created.properties.version;
const read = await keys.getKey('rsa');
const first = await keys.getKey('rsa', { version: created.properties.version });
report.get = [read.id === second.id, first.id === created.id];
const updated = await keys.updateKeyProperties('rsa', created.properties.version, {
  enabled: false,
  tags: { other: 'tag' },
});
const newest = await keys.updateKeyProperties('rsa', { keyOps: ['sign'] });
report.update = {
  enabled: updated.properties.enabled,
  tags: updated.properties.tags,
  keptExpiry: updated.properties.expiresOn.getTime() === expiresOn.getTime(),
  newest: [newest.id === second.id, newest.keyOperations],
};
report.disabled = await outcome(cryptography(updated.id).sign('RS256', randomBytes(32)));

// --- Import ----------------------------------------------------------------------------------------------------------

const material = (kind, parameters) => {
  const jwk = generateKeyPairSync(kind, parameters).privateKey.export({ format: 'jwk' });
  const { kty, crv, ...members } = jwk;
  const bytes = Object.entries(members).map(([name, text]) => [name, Buffer.from(text, 'base64url')]);
  return { kty, ...(crv !== undefined && { crv }), ...Object.fromEntries(bytes) };
};
report.imported = [];
for (const [name, key] of [
  ['imported-rsa', material('rsa', { modulusLength: 2048 })],
  ['imported-ec', material('ec', { namedCurve: 'P-384' })],
  ['imported-oct', { kty: 'oct', k: randomBytes(32), keyOps: ['encrypt', 'decrypt'] }],
]) {
  const { keyType } = await keys.importKey(name, key, { hardwareProtected: true, tags: { from: 'outside' } });
  report.imported.push(keyType);
}

// --- Operations ------------------------------------------------------------------------------------------------------

const message = Buffer.from('Pay 100 to Alice');
const digestOf = (hash) => createHash(hash).update(message).digest();
const rsa = cryptography(await keys.createRsaKey('rsa-operations', { keySize: 2048 }));
report.signatures = {};
for (const [client, algorithm, hash] of [
  ...['RS256', 'PS256'].map((name) => [rsa, name, 'sha256']),
  ...['RS384', 'PS384'].map((name) => [rsa, name, 'sha384']),
  ...['RS512', 'PS512'].map((name) => [rsa, name, 'sha512']),
  [cryptography(await keys.createEcKey('ec-256', { curve: 'P-256' })), 'ES256', 'sha256'],
  [cryptography(await keys.createEcKey('ec-256k', { curve: 'P-256K' })), 'ES256K', 'sha256'],
  [cryptography(await keys.createEcKey('ec-384', { curve: 'P-384' })), 'ES384', 'sha384'],
  [cryptography(await keys.createEcKey('ec-521', { curve: 'P-521' })), 'ES512', 'sha512'],
]) {
  const { result } = await client.sign(algorithm, digestOf(hash));
  const other = Buffer.from(digestOf(hash)).reverse();
  const checks = [
    await client.verify(algorithm, digestOf(hash), result),
    await client.verify(algorithm, other, result),
  ];
  const ofMessage = await client.signData(algorithm, message);
  // The client verifies PS* over data by itself, and takes them for PKCS#1 v1.5 signatures: that is a mistake of its own.
  if (algorithm.startsWith('PS')) checks.push(await client.verify(algorithm, digestOf(hash), ofMessage.result));
  else checks.push(await client.verifyData(algorithm, message, ofMessage.result));
  report.signatures[algorithm] = checks.map((check) => check.result);
}

report.rsa = {};
for (const algorithm of ['RSA1_5', 'RSA-OAEP', 'RSA-OAEP-256']) {
  const sealed = await rsa.encrypt(algorithm, message);
  const opened = await rsa.decrypt(algorithm, sealed.result);
  const wrapped = await rsa.wrapKey(algorithm, message);
  const unwrapped = await rsa.unwrapKey(algorithm, wrapped.result);
  report.rsa[algorithm] = [same(opened.result, message), same(unwrapped.result, message)];
}

report.aes = {};
for (const keySize of [128, 192, 256]) {
  const oct = cryptography(await keys.createOctKey(`oct-${keySize}`, { keySize, hsm: true }));
  const block = randomBytes(32);
  const name = `A${keySize}`;
  const gcm = await oct.encrypt({ algorithm: `${name}GCM`, plaintext: block, additionalAuthenticatedData: message });
  const openedGcm = await oct.decrypt({
    algorithm: `${name}GCM`,
    ciphertext: gcm.result,
    iv: gcm.iv,
    authenticationTag: gcm.authenticationTag,
    additionalAuthenticatedData: message,
  });
  const cbc = await oct.encrypt({ algorithm: `${name}CBC`, plaintext: block, iv: randomBytes(16) });
  const openedCbc = await oct.decrypt({ algorithm: `${name}CBC`, ciphertext: cbc.result, iv: cbc.iv });
  const padded = await oct.encrypt({ algorithm: `${name}CBCPAD`, plaintext: message });
  const openedPadded = await oct.decrypt({ algorithm: `${name}CBCPAD`, ciphertext: padded.result, iv: padded.iv });
  const wrapped = await oct.wrapKey(`${name}KW`, block);
  const unwrapped = await oct.unwrapKey(`${name}KW`, wrapped.result);
  report.aes[keySize] = [
    same(openedGcm.result, block),
    same(openedCbc.result, block),
    same(openedPadded.result, message),
    same(unwrapped.result, block),
  ];
}

const byName = keys.getCryptographyClient('ec-256');
report.byName = (
  await byName.verify('ES256', digestOf('sha256'), (await byName.sign('ES256', digestOf('sha256'))).result)
).result;

// --- Rotation --------------------------------------------------------------------------------------------------------

const without = await keys.getKeyRotationPolicy('ec-256');
const policy = await keys.updateKeyRotationPolicy('ec-256', {
  expiresIn: 'P90D',
  lifetimeActions: [{ action: 'Rotate', timeAfterCreate: 'P30D' }],
});
const rotated = await keys.rotateKey('ec-256');
report.rotation = {
  without: [without.lifetimeActions, without.expiresIn ?? null],
  policy: [policy.lifetimeActions, policy.expiresIn, policy.createdOn instanceof Date],
  read: (await keys.getKeyRotationPolicy('ec-256')).expiresIn,
  days: Math.round((rotated.properties.expiresOn.getTime() - Date.now()) / 86_400_000),
  versions: (await all(keys.listPropertiesOfKeyVersions('ec-256').byPage({ maxPageSize: 1 }))).map(
    (page) => page.length,
  ),
};
await keys.updateKeyRotationPolicy('ec-256', { lifetimeActions: [] });
report.rotation.removed = (await keys.getKeyRotationPolicy('ec-256')).lifetimeActions;

// --- Lists -----------------------------------------------------------------------------------------------------------

const pages = await all(keys.listPropertiesOfKeys().byPage({ maxPageSize: 4 }));
report.list = { sizes: pages.map((page) => page.length), names: pages.flat() };

// --- Backup, delete, recover, purge, restore -------------------------------------------------------------------------

const ec = cryptography(await keys.getKey('ec-384'));
const before = await ec.sign('ES384', digestOf('sha384'));
const backup = await keys.backupKey('ec-384');
report.restoreTooEarly = await outcome(keys.restoreKeyBackup(backup));
const deletion = await keys.beginDeleteKey('ec-384', pace);
const deleted = await deletion.pollUntilDone();
report.deleted = {
  recoveryId: deleted.properties.recoveryId,
  days: (deleted.properties.scheduledPurgeDate.getTime() - deleted.properties.deletedOn.getTime()) / 86_400_000,
  get: await outcome(keys.getKey('ec-384')),
  sign: await outcome(ec.sign('ES384', digestOf('sha384'))),
  create: await outcome(keys.createEcKey('ec-384', { curve: 'P-384' })),
  restore: await outcome(keys.restoreKeyBackup(backup)),
  again: (await keys.getDeletedKey('ec-384')).properties.recoveryId === deleted.properties.recoveryId,
};
report.listDeleted = await all(keys.listDeletedKeys().byPage({ maxPageSize: 2 }));
const recovery = await keys.beginRecoverDeletedKey('ec-384', pace);
const recovered = await recovery.pollUntilDone();
report.recovered = [recovered.name, (await ec.verify('ES384', digestOf('sha384'), before.result)).result];
await (await keys.beginDeleteKey('ec-384', pace)).pollUntilDone();
await keys.purgeDeletedKey('ec-384');
report.purged = [await outcome(keys.getDeletedKey('ec-384')), await outcome(keys.purgeDeletedKey('ec-384'))];
const restored = await keys.restoreKeyBackup(backup);
report.restored = [restored.id === ec.keyID, (await ec.verify('ES384', digestOf('sha384'), before.result)).result];

// --- Release, attestation, random ------------------------------------------------------------------------------------

const releasePolicy = {
  version: '1.0.0',
  anyOf: [{ authority: process.env.TEST_ISSUER, allOf: [{ claim: 'sdk-test', equals: true }] }],
};
await keys.createRsaKey('exported', {
  keySize: 2048,
  exportable: true,
  releasePolicy: { encodedPolicy: Buffer.from(JSON.stringify(releasePolicy)), immutable: true },
});
const exported = await keys.getKey('exported');
const released = await keys.releaseKey('exported', process.env.TEST_TOKEN, {
  nonce: 'nonce',
  algorithm: 'RSA_AES_KEY_WRAP_256',
});
report.release = {
  exportable: exported.properties.exportable,
  immutable: exported.properties.releasePolicy.immutable,
  policy: JSON.parse(Buffer.from(exported.properties.releasePolicy.encodedPolicy).toString()),
  parts: released.value.split('.').length,
  unknown: await outcome(keys.releaseKey('exported', process.env.TEST_STRANGER)),
  notExportable: await outcome(keys.releaseKey('rsa-operations', process.env.TEST_TOKEN)),
};
const attested = await keys.getKeyAttestation('ec-521');
const { attestation } = attested.properties;
report.attestation = [
  attested.name,
  attestation.certificatePemFile?.length > 0,
  attestation.privateKeyAttestation?.length > 0,
];
report.random = (await keys.getRandomBytes(128)).length;
report.missing = await outcome(keys.getKey('nothing'));

process.stdout.write(JSON.stringify({ report, exchanges, releasePolicy }));
