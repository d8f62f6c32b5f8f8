import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { calculateJwkThumbprint } from 'jose';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS } from '../../src/pkcs11/template.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { nodePublicKey } from '../fixtures/key_material.ts';
import { refused } from '../fixtures/refused.ts';
import { openTestToken, type TestEngine, type TestToken } from '../fixtures/softhsm_token.ts';
import { findObjects, settledObjects } from '../fixtures/token_inventory.ts';
import { openStatement } from './attested_environment.ts';

let token: TestToken;
let opened: TestEngine;

test.before(async () => {
  token = await openTestToken();
  opened = await token.openEngine({ pool: { hosts: 1 } });
});
test.after.always(() => token.close());

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('ascii');

const SPECS = [
  { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 },
  { keyType: 'EC-HSM', curve: 'P-256' },
  { keyType: 'EC-HSM', curve: 'P-384' },
  { keyType: 'EC-HSM', curve: 'P-521' },
] as const;

for (const custody of ['wrapped', 'resident'] as const) {
  test(`${custody}: two statements, signed by the pool, say which key pair and how it is kept`, async (t) => {
    const { engine, pool } = opened;
    for (const spec of SPECS) {
      const name = `${custody}-${spec.keyType}-${'curve' in spec ? spec.curve : spec.size}`;
      const made = await engine.createKey({ name, spec, custody });
      const attested = await engine.attestKey({ name });
      t.like(attested, { name, version: made.version, attestationVersion: 'strongroom-1.0' });
      const secret = await openStatement(text(attested.privateKeyAttestation));
      const shown = await openStatement(text(attested.publicKeyAttestation));
      t.is(secret.header.typ, 'key-attestation+jws');
      const certificate = new X509Certificate(attested.certificates);
      t.true(certificate.publicKey.equals(nodePublicKey(await pool.attestationPublicKey())));
      t.deepEqual(secret.certificate.raw, certificate.raw);
      const jwk = nodePublicKey(made.publicKey).export({ format: 'jwk' });
      t.deepEqual(secret.payload.key, shown.payload.key);
      t.like(secret.payload.key, {
        name,
        version: made.version,
        kty: spec.keyType,
        thumbprint: await calculateJwkThumbprint(jwk),
        exportable: false,
        enabled: true,
      });
      t.is(secret.payload.part, 'private');
      t.is(shown.payload.part, 'public');
      t.deepEqual(shown.payload.jwk, { ...jwk });
      t.is(secret.payload.custody, custody);
      t.is(secret.payload.token.serial, pool.firstToken.serial);
      t.true(Math.abs(secret.payload.issued - Date.now() / 1000) < 60);
    }
  });
}

test('of a key that the token keeps, its object tells; of one that was unwrapped a moment ago, nothing of its past is said', async (t) => {
  const { engine } = opened;
  const spec = { keyType: 'EC-HSM', curve: 'P-256' } as const;
  await engine.createKey({ name: 'flags-resident', spec, custody: 'resident' });
  await engine.createKey({ name: 'flags-wrapped', spec, custody: 'wrapped' });
  const objectOf = async (name: string) =>
    (await openStatement(text((await engine.attestKey({ name })).privateKeyAttestation))).payload.object;
  t.deepEqual(await objectOf('flags-resident'), {
    token: true,
    private: true,
    sensitive: true,
    extractable: false,
    // It has come by way of an unwrapping, and the token says so.
    alwaysSensitive: false,
    neverExtractable: false,
    local: false,
  });
  t.deepEqual(await objectOf('flags-wrapped'), { token: false, private: true, sensitive: true, extractable: false });
});

test('an oct key has one statement, which shows nothing that depends on its value', async (t) => {
  const { engine } = opened;
  const made = await engine.createKey({ name: 'oct', spec: { keyType: 'oct-HSM', size: 192 } });
  const attested = await engine.attestKey({ name: 'oct' });
  t.is(attested.publicKeyAttestation, undefined);
  const { payload } = await openStatement(text(attested.privateKeyAttestation));
  t.is(payload.part, 'secret');
  t.deepEqual(payload.key, {
    name: 'oct',
    version: made.version,
    kty: 'oct-HSM',
    key_size: 192,
    created: made.created,
    enabled: true,
    exportable: false,
    key_ops: made.operations,
  });
});

test('the version that is named is attested, and a disabled key like any other', async (t) => {
  const { engine } = opened;
  const request = { name: 'versions', spec: { keyType: 'EC-HSM', curve: 'P-256' }, enabled: false } as const;
  const first = await engine.createKey(request);
  const second = await engine.createKey(request);
  t.is((await engine.attestKey({ name: 'versions' })).version, second.version);
  const attested = await engine.attestKey({ name: 'versions', version: first.version });
  const { payload } = await openStatement(text(attested.privateKeyAttestation));
  t.is(payload.key.version, first.version);
  t.false(payload.key.enabled);
  await refused(t, engine.attestKey({ name: 'absent' }), 'KeyNotFound');
});

test('an object of the token that is not the key on record is not attested', async (t) => {
  const { engine, pool, store } = opened;
  const made = await engine.createKey({
    name: 'replaced',
    spec: { keyType: 'EC-HSM', curve: 'P-256' },
    custody: 'resident',
  });
  const other = await engine.createKey({
    name: 'other',
    spec: { keyType: 'EC-HSM', curve: 'P-256' },
    custody: 'resident',
  });
  const [host] = pool.hosts;
  const privateKey = { CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY, CKA_KEY_TYPE: KEY_TYPE.CKK_EC, CKA_TOKEN: true };
  const idOf = async (name: string): Promise<Uint8Array> =>
    (await store.findKeyVersion(name, undefined))?.version?.record.objectId ?? new Uint8Array(0);
  const [object] = await findObjects(pool, { ...privateKey, CKA_ID: await idOf(made.name) }, host);
  const [otherObject] = await findObjects(pool, { ...privateKey, CKA_ID: await idOf(other.name) }, host);
  const rename = async (handle: number | undefined, id: Uint8Array): Promise<void> => {
    const template = encodeTemplate({ CKA_ID: id });
    const request = ringRequest(RING_OPERATION.setAttributes, { object: handle as number, template });
    t.is((await pool.call(request, { host, effect: 'mutating' })).returnValue, 0);
  };
  const id = await idOf(made.name);
  await rename(object, Buffer.alloc(16, 7));
  await rename(otherObject, id);
  await refused(t, engine.attestKey({ name: 'replaced' }), 'KeyMissing');
});

test.serial('attesting leaves no object behind', async (t) => {
  const { engine, pool } = opened;
  await engine.createKey({ name: 'left', spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65_537 } });
  await engine.createKey({ name: 'left-resident', spec: { keyType: 'EC-HSM', curve: 'P-256' }, custody: 'resident' });
  const before = await settledObjects(pool, {});
  await engine.attestKey({ name: 'left' });
  await engine.attestKey({ name: 'left-resident' });
  t.deepEqual(await settledObjects(pool, {}), before);
});

test('every server of a pool states the same certificate but for its signature', async (t) => {
  await opened.engine.createKey({ name: 'certificate', spec: { keyType: 'EC-HSM', curve: 'P-256' } });
  const { certificates } = await opened.engine.attestKey({ name: 'certificate' });
  const second = await token.openEngine({ pool: { hosts: 1 } });
  await second.engine.createKey({ name: 'certificate', spec: { keyType: 'EC-HSM', curve: 'P-256' } });
  const other = new X509Certificate((await second.engine.attestKey({ name: 'certificate' })).certificates);
  const one = new X509Certificate(certificates);
  t.is(other.serialNumber, one.serialNumber);
  t.is(other.subject, one.subject);
  t.is(other.validFrom, one.validFrom);
  t.is(other.validTo, one.validTo);
  t.true(other.verify(one.publicKey));
  t.is(
    (await opened.engine.attestKey({ name: 'certificate' })).certificates,
    certificates,
    'one server keeps to its own',
  );
});
