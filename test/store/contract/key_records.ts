import { KEY_OPERATIONS } from '../../../src/model/key_operation.ts';
import { refused } from '../../fixtures/refused.ts';
import type { StoreTest } from '../store_contract.ts';
import {
  bytes,
  document,
  documentChange,
  intent,
  key,
  keyVersion,
  newKey,
  nextChange,
  plain,
  WIDE,
} from '../store_records.ts';

const RSA = keyVersion({
  name: 'rsa',
  spec: { keyType: 'RSA-HSM', size: 3072, publicExponent: 65_537 },
  operations: KEY_OPERATIONS,
  enabled: false,
  notBefore: 0,
  expires: 253_402_300_799,
  updated: 1_790_000_009,
  exportable: true,
  releasePolicy: { contentType: 'application/json; charset=utf-8', data: bytes(32 * 1024), immutable: true },
  tags: { '2': 'two', '1': 'one', ü: '"\\ \u0000 🔑 \ud800', __proto__x: '' },
  publicKey: { keyType: 'RSA-HSM', modulus: bytes(384), publicExponent: Uint8Array.of(1, 0, 1) },
  wrappedKey: bytes(1_800),
  revision: 7,
});

const RESIDENT = keyVersion({
  name: 'resident',
  spec: { keyType: 'oct-HSM', size: 192 },
  custody: 'resident',
  operations: [],
  releasePolicy: { contentType: '', data: new Uint8Array(0), immutable: false },
  publicKey: { keyType: 'oct-HSM' },
  wrappedKey: undefined,
});

const DELETED = {
  deletion: { deleted: 1_790_000_000, scheduledPurge: 1_797_776_000 },
  rotationPolicy: {
    lifetimeActions: [
      { action: 'Rotate', timeAfterCreate: 'P90D', timeBeforeExpiry: undefined },
      { action: 'Notify', timeAfterCreate: undefined, timeBeforeExpiry: 'P30D' },
    ],
    expiryTime: 'P1Y10D',
    created: 1_790_000_001,
    updated: 1_790_000_002,
  },
  rotationDue: 1_797_776_001,
  revision: Number.MAX_SAFE_INTEGER,
} as const;

const BARE_POLICY = {
  rotationPolicy: { lifetimeActions: [], expiryTime: undefined, created: 0, updated: 0 },
  rotationDue: 0,
};

export function testKeyRecords(test: StoreTest): void {
  test('every field of a key and of its versions comes back as it was stored, also when the store was opened again', async (t, store, reopen) => {
    const changes = [newKey('orders', BARE_POLICY), newKey('rsa', DELETED, RSA), newKey('resident', {}, RESIDENT)];
    for (const change of changes) await store.changeKey(change, WIDE);
    for (const open of [async () => store, reopen]) {
      const opened = await open();
      for (const { name, key, version } of changes) {
        const whole = plain({ key, version });
        t.deepEqual(plain(await opened.findKeyVersion(name, undefined)), whole);
        t.deepEqual(plain(await opened.findKeyVersion(name, version.record.version)), whole);
      }
    }
  });

  test('a name alone finds the version that the key calls its newest, whatever the ages of its versions', async (t, store) => {
    const first = newKey('orders');
    await store.changeKey(first, WIDE);
    const older = keyVersion({ created: 5 });
    const next = nextChange(first.key, {}, older);
    await store.changeKey(next, WIDE);
    t.deepEqual(plain((await store.findKeyVersion('orders', undefined))?.version), plain(older));
    const named = await store.findKeyVersion('orders', first.version.record.version);
    t.deepEqual(plain(named), plain({ key: next.key, version: first.version }));
  });

  test('what is not there is not found, and a key without the named version is found without it', async (t, store) => {
    const orders = newKey('orders');
    await store.changeKey(orders, WIDE);
    await store.changeKey(newKey('other'), WIDE);
    t.is(await store.findKeyVersion('order', undefined), undefined);
    t.is(await store.findKeyVersion('ORDERS', undefined), undefined);
    t.is(await store.findKeyVersion('nobody', orders.version.record.version), undefined);
    const found = await store.findKeyVersion('orders', 'f'.repeat(32));
    t.deepEqual(plain(found), plain({ key: orders.key, version: undefined }));
    t.is((await store.findKeyVersion('other', orders.version.record.version))?.version, undefined);
  });

  test('a key and its version are of one moment while it changes', async (t, store) => {
    const first = newKey('orders');
    await store.changeKey(first, WIDE);
    let before = first.key;
    let done = false;
    const writer = (async () => {
      for (let i = 0; i < 60; i++) {
        const next = nextChange(before, {}, keyVersion());
        await store.changeKey(next, WIDE);
        before = next.key;
      }
      done = true;
    })();
    let looks = 0;
    while (!done) {
      const found = await store.findKeyVersion('orders', undefined);
      t.is(found?.version?.record.version, found?.key.record.newest);
      t.is(found?.key.record.versions, found?.key.record.revision);
      looks += 1;
      await new Promise(setImmediate);
    }
    await writer;
    t.true(looks > 0);
  });

  test('a closed store refuses everything, and can be closed again', async (t, store) => {
    await store.close();
    await store.close();
    const attempts = {
      findKeyVersion: store.findKeyVersion('orders', undefined),
      listKeys: store.listKeys('active', { after: undefined, limit: 1 }),
      listKeyVersions: store.listKeyVersions('orders', { after: undefined, limit: 1 }),
      listDueKeys: store.listDueKeys(0, 1),
      changeKey: store.changeKey(newKey('orders'), WIDE),
      reserveEncryptions: store.reserveEncryptions('orders', 'a'.repeat(32), 1, 1),
      addIntent: store.addIntent(intent()),
      endIntent: store.endIntent('a'.repeat(32)),
      listIntents: store.listIntents('token'),
      findDocument: store.findDocument('setting', 'orders'),
      listDocuments: store.listDocuments('setting'),
      changeDocument: store.changeDocument(documentChange(document())),
    };
    for (const [method, attempt] of Object.entries(attempts)) {
      await refused(t, attempt, 'ServiceUnavailable', undefined, method);
    }
  });

  test('a change whose parts do not belong together is a mistake of the program, and changes nothing', async (t, store) => {
    const orders = newKey('orders');
    await store.changeKey(orders, WIDE);
    const mistakes = [
      { ...newKey('other'), name: 'another' },
      { ...newKey('other'), versions: [keyVersion()] },
      { ...newKey('other'), expectedRevision: 1 },
      { ...nextChange(orders.key, { revision: 1 }) },
      { name: 'orders', expectedRevision: undefined, key: undefined, versions: [] },
      { name: 'orders', expectedRevision: 1, key: undefined, versions: [keyVersion()] },
      { ...newKey('other'), key: key({ name: 'orders', revision: 2 }) },
    ];
    for (const mistake of mistakes) await t.throwsAsync(store.changeKey(mistake, WIDE), { instanceOf: TypeError });
    t.is((await store.listKeys('active', { after: undefined, limit: 10 })).length, 1);
    t.deepEqual(plain((await store.findKeyVersion('orders', undefined))?.key), plain(orders.key));
  });
}
