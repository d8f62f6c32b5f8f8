import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import pkcs11js, { type Handle } from 'pkcs11js';
import { StrongroomError } from '../../src/model/errors.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { POOL_KEY_LABEL, type PoolKeyName } from '../../src/pkcs11/pool_key_template.ts';
import { exportPoolKeys, importPoolKeys, lockPoolKeys } from '../../src/pkcs11/pool_key_transport.ts';
import { inspectTokens, startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { pkcs11jsTemplate } from '../../src/pkcs11/provisioning_template.ts';
import { encodeTemplate, OBJECT_CLASS } from '../../src/pkcs11/template.ts';
import { softHsmDirectory, withToken } from './softhsm_token.ts';

type Place = Awaited<ReturnType<typeof softHsmDirectory>>;

const REFUSED = { instanceOf: StrongroomError, code: 'ServiceUnavailable' } as const;
const MESSAGE = Buffer.alloc(32, 7);

async function refused(t: ExecutionContext, attempt: Promise<unknown>, message: RegExp): Promise<void> {
  const error = await t.throwsAsync(attempt, REFUSED);
  t.is(error.innerCode, 'ProvisioningFailed');
  t.regex(error.message, message);
}

function findAll(place: Place, name: PoolKeyName): number {
  return withToken(place.request, (lib, session) => {
    lib.C_FindObjectsInit(session, pkcs11jsTemplate(encodeTemplate({ CKA_LABEL: Buffer.from(POOL_KEY_LABEL[name]) })));
    const found = lib.C_FindObjects(session, 10);
    lib.C_FindObjectsFinal(session);
    return found.length;
  });
}

/** Does something with a pool key by hand. */
function withKey<Result>(
  place: Place,
  name: PoolKeyName,
  objectClass: keyof typeof OBJECT_CLASS,
  use: (lib: pkcs11js.PKCS11, session: Handle, key: Handle) => Result,
): Result {
  return withToken(place.request, (lib, session) => {
    const template = { CKA_CLASS: OBJECT_CLASS[objectClass], CKA_LABEL: Buffer.from(POOL_KEY_LABEL[name]) };
    lib.C_FindObjectsInit(session, pkcs11jsTemplate(encodeTemplate(template)));
    const [key] = lib.C_FindObjects(session, 2);
    lib.C_FindObjectsFinal(session);
    if (key === undefined) throw new Error(`There is no ${name}.`);
    return use(lib, session, key);
  });
}

function signs(place: Place, name: PoolKeyName, objectClass: keyof typeof OBJECT_CLASS, mechanism: number): Buffer {
  return withKey(place, name, objectClass, (lib, session, key) => {
    lib.C_SignInit(session, { mechanism }, key);
    return lib.C_Sign(session, MESSAGE, Buffer.alloc(128));
  });
}

function isExtractable(place: Place, name: PoolKeyName, objectClass: keyof typeof OBJECT_CLASS): boolean {
  return withKey(place, name, objectClass, (lib, session, key) => {
    const [attribute] = lib.C_GetAttributeValue(session, key, [{ type: pkcs11js.CKA_EXTRACTABLE }]);
    return Buffer.from(attribute?.value as Buffer).some((byte) => byte !== 0);
  });
}

/** Its pool keys, new and on their way. */
async function exported({ request }: Place) {
  await startProvisioning(request);
  const transportKey = randomBytes(32);
  return { transportKey, keys: await exportPoolKeys(request, transportKey) };
}

const SECRET_HALVES = [
  ['kek', 'CKO_SECRET_KEY'],
  ['seal', 'CKO_SECRET_KEY'],
  ['audit', 'CKO_PRIVATE_KEY'],
  ['attestation', 'CKO_PRIVATE_KEY'],
] as const;

test('pool keys that went to another token do there what they did before, and never leave it again', async (t) => {
  const from = await softHsmDirectory();
  const to = await softHsmDirectory();
  try {
    const { transportKey, keys } = await exported(from);
    await importPoolKeys(to.request, transportKey, keys);
    t.true(
      (await inspectTokens(to.request)).some(({ label }) => label === to.request.label),
      'the token was made',
    );

    const seal = MECHANISM.CKM_SHA256_HMAC;
    t.deepEqual(signs(to, 'seal', 'CKO_SECRET_KEY', seal), signs(from, 'seal', 'CKO_SECRET_KEY', seal));
    for (const name of ['audit', 'attestation'] as const) {
      const signature = signs(to, name, 'CKO_PRIVATE_KEY', MECHANISM.CKM_ECDSA);
      withKey(from, name, 'CKO_PUBLIC_KEY', (lib, session, key) => {
        lib.C_VerifyInit(session, { mechanism: MECHANISM.CKM_ECDSA }, key);
        t.true(lib.C_Verify(session, MESSAGE, signature));
      });
    }
    for (const [name, objectClass] of SECRET_HALVES) t.false(isExtractable(to, name, objectClass), name);
    await refused(t, exportPoolKeys(to.request, transportKey), /was locked/);
    t.deepEqual((await startProvisioning({ ...to.request, soPin: undefined })).createdPoolKeys, []);
  } finally {
    await from.remove();
    await to.remove();
  }
});

test('locked pool keys work on, and nothing brings them out', async (t) => {
  const place = await softHsmDirectory();
  try {
    await startProvisioning(place.request);
    await lockPoolKeys(place.request);
    await lockPoolKeys(place.request);
    for (const [name, objectClass] of SECRET_HALVES) t.false(isExtractable(place, name, objectClass), name);
    await refused(t, exportPoolKeys(place.request, randomBytes(32)), /was locked/);
    t.is(signs(place, 'seal', 'CKO_SECRET_KEY', MECHANISM.CKM_SHA256_HMAC).length, 32);
    t.deepEqual((await startProvisioning(place.request)).createdPoolKeys, []);
  } finally {
    await place.remove();
  }
});

test('an import under another key, of damaged keys, or into a token that has others, changes nothing', async (t) => {
  const from = await softHsmDirectory();
  const to = await softHsmDirectory();
  const other = await softHsmDirectory();
  t.teardown(other.remove);
  try {
    const { transportKey, keys } = await exported(from);
    await t.throwsAsync(importPoolKeys(to.request, randomBytes(32), keys), REFUSED);
    const damaged = { ...keys, wrapped: { ...keys.wrapped, attestation: keys.wrapped.audit.slice(0, -8) } };
    await t.throwsAsync(importPoolKeys(to.request, transportKey, damaged), REFUSED);
    const otherPoint = { ...keys, points: { ...keys.points, audit: keys.points.attestation } };
    await refused(
      t,
      importPoolKeys(to.request, transportKey, otherPoint),
      /strongroom-audit is in the token and does not/,
    );
    for (const [name] of SECRET_HALVES) t.is(findAll(to, name), 0, name);
    t.false(await importPoolKeys(from.request, transportKey, keys), 'it has the same already');
    t.true(await importPoolKeys(to.request, transportKey, keys));
    await startProvisioning(other.request);
    await refused(
      t,
      importPoolKeys(other.request, transportKey, keys),
      /other pool keys already \(kek, seal, audit, attestation\)/,
    );
  } finally {
    await from.remove();
    await to.remove();
  }
});

test('pool keys are never on their way in the clear, and a transport key has 256 bits', async (t) => {
  const from = await softHsmDirectory();
  try {
    await startProvisioning(from.request);
    const first = await exportPoolKeys(from.request, randomBytes(32));
    const second = await exportPoolKeys(from.request, randomBytes(32));
    t.deepEqual(first.points, second.points);
    for (const [name] of SECRET_HALVES) t.not(first.wrapped[name], second.wrapped[name]);
    await t.throwsAsync(exportPoolKeys(from.request, randomBytes(7)), REFUSED);
  } finally {
    await from.remove();
  }
});

/* What SoftHSM leaves in a token when it is killed over an object: its number, and the first of its attributes. */
const UNFINISHED = ['0000000000000001', '0000000000000100', '0000000000000002', '000000000000001f'].join('');
const POOL_KEY_OBJECTS = 6;

for (const [whose, isOwn, left] of [
  ['the server’s own', true, 0],
  ['somebody else’s', false, 2],
] as const) {
  test(`in a token that is ${whose}, of two objects that were never finished ${left} are left when keys come in`, async (t) => {
    const from = await softHsmDirectory();
    const to = await softHsmDirectory();
    try {
      const { transportKey, keys } = await exported(from);
      await startProvisioning({ ...to.request, makesPoolKeys: false });
      const tokens = to.request.softHsmTokenDirectory ?? '';
      const [token = ''] = await readdir(tokens);
      for (const name of ['first', 'second'])
        await writeFile(join(tokens, token, `${name}.object`), Buffer.from(UNFINISHED, 'hex'));
      await writeFile(join(tokens, token, 'first.lock'), '');
      const softHsmTokenDirectory = isOwn ? tokens : undefined;
      t.true(await importPoolKeys({ ...to.request, softHsmTokenDirectory }, transportKey, keys));
      const files = (await readdir(join(tokens, token))).filter((name) => /(?<!^token)\.object$/.test(name));
      t.is(files.length, POOL_KEY_OBJECTS + left);
    } finally {
      await from.remove();
      await to.remove();
    }
  });
}
