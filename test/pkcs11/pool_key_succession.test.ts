import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Handle, PKCS11 } from 'pkcs11js';
import { StrongroomError } from '../../src/model/errors.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import {
  POOL_KEY_LABEL,
  type PoolKeyName,
  type PoolKeyPlace,
  poolKeyLabel,
} from '../../src/pkcs11/pool_key_template.ts';
import { exportPoolKeys, settlePoolKeys, stagePoolKeys } from '../../src/pkcs11/pool_key_transport.ts';
import { startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { pkcs11jsTemplate } from '../../src/pkcs11/provisioning_template.ts';
import { encodeTemplate, OBJECT_CLASS } from '../../src/pkcs11/template.ts';
import { softHsmDirectory, withToken } from './softhsm_token.ts';

type Place = Awaited<ReturnType<typeof softHsmDirectory>>;

const INPUT = Buffer.from('what was sealed');
const NAMES = Object.keys(POOL_KEY_LABEL) as PoolKeyName[];

function find(lib: PKCS11, session: Handle, name: PoolKeyName, place: PoolKeyPlace): Handle[] {
  const template = encodeTemplate({ CKA_TOKEN: true, CKA_LABEL: Buffer.from(poolKeyLabel(name, place)) });
  lib.C_FindObjectsInit(session, pkcs11jsTemplate(template));
  const found = lib.C_FindObjects(session, 10);
  lib.C_FindObjectsFinal(session);
  return found;
}

/** How many objects of each name there are. */
function counts({ request }: Place, place: PoolKeyPlace): number[] {
  return withToken(request, (lib, session) => NAMES.map((name) => find(lib, session, name, place).length));
}

const WHOLE = NAMES.map((name) => (name === 'audit' || name === 'attestation' ? 2 : 1));
const NOTHING = NAMES.map(() => 0);

function sealOf({ request }: Place): Buffer {
  return withToken(request, (lib, session) => {
    const template = { CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY, CKA_LABEL: Buffer.from(POOL_KEY_LABEL.seal) };
    lib.C_FindObjectsInit(session, pkcs11jsTemplate(encodeTemplate(template)));
    const [key] = lib.C_FindObjects(session, 2);
    lib.C_FindObjectsFinal(session);
    lib.C_SignInit(session, { mechanism: MECHANISM.CKM_SHA256_HMAC }, key as Handle);
    return lib.C_Sign(session, INPUT, Buffer.alloc(32));
  });
}

/** A token with keys of its own, and beside them those of another one. */
async function staged(t: { teardown(clean: () => Promise<void>): void }) {
  const from = await softHsmDirectory();
  t.teardown(from.remove);
  const to = await softHsmDirectory();
  t.teardown(to.remove);
  await startProvisioning(from.request);
  await startProvisioning(to.request);
  const transportKey = randomBytes(32);
  const keys = await exportPoolKeys(from.request, transportKey);
  const before = sealOf(to);
  const [seal] = await stagePoolKeys(to.request, transportKey, keys, [INPUT]);
  return { from, to, transportKey, keys, before, proof: { input: INPUT, seal: seal as Uint8Array } };
}

test('keys that were brought in seal at once, and take the place of the others with a seal of theirs', async (t) => {
  const { from, to, before, proof } = await staged(t);
  t.deepEqual(Buffer.from(proof.seal), sealOf(from));
  t.deepEqual(sealOf(to), before, 'the others are in use until then');
  t.deepEqual(counts(to, 'incoming'), WHOLE);
  t.is(await settlePoolKeys(to.request, proof), 'promoted');
  t.deepEqual(sealOf(to), sealOf(from));
  t.deepEqual(counts(to, 'current'), WHOLE);
  t.deepEqual(counts(to, 'incoming'), NOTHING);
  t.is(await settlePoolKeys(to.request, proof), 'none');
  t.deepEqual((await startProvisioning(to.request)).createdPoolKeys, []);
  await t.throwsAsync(exportPoolKeys(to.request, randomBytes(32)), { instanceOf: StrongroomError }, 'they are locked');
});

test('without a seal of theirs they go, and the others stay', async (t) => {
  const { to, transportKey, keys, before, proof } = await staged(t);
  t.is(await settlePoolKeys(to.request, { ...proof, seal: before }), 'dropped');
  await stagePoolKeys(to.request, transportKey, keys, []);
  t.is(await settlePoolKeys(to.request, undefined), 'dropped');
  t.deepEqual(counts(to, 'incoming'), NOTHING);
  t.deepEqual(counts(to, 'current'), WHOLE);
  t.deepEqual(sealOf(to), before);
});

test('what was interrupted between any two objects is finished by the next attempt', async (t) => {
  const { from, to, transportKey, keys, proof } = await staged(t);
  const interruptions: readonly (readonly [PoolKeyName, PoolKeyPlace])[][] = [
    [['audit', 'current']],
    NAMES.map((name) => [name, 'current']),
  ];
  for (const gone of interruptions) {
    withToken(to.request, (lib, session) => {
      for (const [name, place] of gone) {
        for (const object of find(lib, session, name, place)) lib.C_DestroyObject(session, object);
      }
    });
    t.is(await settlePoolKeys(to.request, proof), 'promoted');
    t.deepEqual(counts(to, 'current'), WHOLE);
    t.deepEqual(sealOf(to), sealOf(from));
    await stagePoolKeys(to.request, transportKey, keys, []);
  }
  withToken(to.request, (lib, session) => {
    for (const name of ['kek', 'audit'] as const) {
      for (const object of find(lib, session, name, 'incoming')) lib.C_DestroyObject(session, object);
    }
  });
  t.is(await settlePoolKeys(to.request, proof), 'promoted', 'some had gone, because all had been copied');
  t.deepEqual(counts(to, 'current'), WHOLE);
  t.deepEqual(counts(to, 'incoming'), NOTHING);
});

test('damaged keys leave nothing beside those that are in use', async (t) => {
  const { to, transportKey, keys, before, proof } = await staged(t);
  await settlePoolKeys(to.request, undefined);
  const damaged = { ...keys, wrapped: { ...keys.wrapped, attestation: keys.wrapped.audit.slice(0, -8) } };
  await t.throwsAsync(stagePoolKeys(to.request, transportKey, damaged, [INPUT]), { instanceOf: StrongroomError });
  await t.throwsAsync(stagePoolKeys(to.request, randomBytes(32), keys, [INPUT]), { instanceOf: StrongroomError });
  t.deepEqual(counts(to, 'incoming'), NOTHING);
  t.deepEqual(sealOf(to), before);
  t.is(await settlePoolKeys(to.request, proof), 'none');
});
