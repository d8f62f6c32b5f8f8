import test, { type ExecutionContext } from 'ava';
import { jwtVerify, SignJWT } from 'jose';
import type { IssuerKeys } from '../../../src/identity/embedded/signing_keys.ts';
import { SigningKeys } from '../../../src/identity/embedded/signing_keys.ts';
import { LIMITS } from '../../../src/model/limits.ts';
import { type OpenedDocuments, openDocuments } from '../../fixtures/open_documents.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

class TestClock {
  nowMs = Date.UTC(2026, 0, 1);
  readonly read = (): number => this.nowMs;
}

async function documentsOf(t: ExecutionContext): Promise<OpenedDocuments> {
  const opened = await openDocuments();
  t.teardown(opened.close);
  return opened;
}

function server({ again }: OpenedDocuments, file: { pem?: string }, clock: TestClock): Promise<SigningKeys> {
  const onTrouble = (error: unknown): void => {
    throw error;
  };
  const kept = {
    read: async () => file.pem,
    write: async (pem: string) => {
      file.pem = pem;
    },
  };
  return SigningKeys.open({ documents: again(), file: kept, onTrouble, clock: clock.read });
}

function sign({ current }: IssuerKeys): Promise<string> {
  return new SignJWT({}).setProtectedHeader({ alg: 'RS256', kid: current.keyId }).sign(current.privateKey);
}

const isKnownTo = (keys: IssuerKeys, token: string): Promise<boolean> =>
  jwtVerify(token, keys.find).then(
    () => true,
    () => false,
  );

const kids = ({ keySet }: IssuerKeys): (string | undefined)[] => keySet.keys.map(({ kid }) => kid).sort();

test('a server goes on with the key of its file, and publishes its public half alone', async (t) => {
  const opened = await documentsOf(t);
  const [file, clock] = [{}, new TestClock()];
  const first = await server(opened, file, clock);
  const again = await server(opened, file, clock);
  t.is(again.current.keyId, first.current.keyId);
  t.deepEqual(kids(again), [first.current.keyId]);
  t.deepEqual(Object.keys(again.keySet.keys[0] ?? {}).sort(), ['alg', 'e', 'kid', 'kty', 'n', 'use']);
  t.false(JSON.stringify(await opened.store.listDocuments('issuer_key')).includes('"d"'));
});

test('servers know the keys of each other, also of one that has just begun', async (t) => {
  const opened = await documentsOf(t);
  const clock = new TestClock();
  const first = await server(opened, {}, clock);
  clock.nowMs += 2_000;
  const second = await server(opened, {}, clock);
  t.not(first.current.keyId, second.current.keyId);
  t.true(await isKnownTo(second, await sign(first)));
  t.true(await isKnownTo(first, await sign(second)));
  t.deepEqual(kids(first), kids(second));
});

test('after a month another key signs, and the one before is believed until its tokens have ended', async (t) => {
  const opened = await documentsOf(t);
  const [file, clock] = [{} as { pem?: string }, new TestClock()];
  const keys = await server(opened, file, clock);
  const { keyId: old } = keys.current;
  const token = await sign(keys);
  clock.nowMs += LIMITS.issuerKeyMs - 1;
  await keys.keepFresh();
  t.is(keys.current.keyId, old);
  clock.nowMs += 1;
  await keys.keepFresh();
  const { keyId: fresh } = keys.current;
  t.not(fresh, old);
  t.deepEqual(kids(keys), [old, fresh].sort());
  t.true(await isKnownTo(keys, token));
  t.is((await server(opened, file, clock)).current.keyId, fresh);
  clock.nowMs += DAY_MS;
  t.deepEqual(kids(keys), [fresh]);
  t.false(await isKnownTo(keys, token));
  await keys.keepFresh();
  t.is((await opened.store.listDocuments('issuer_key')).length, 1);
});

test('a key that the store does not know any more makes room for a new one', async (t) => {
  const opened = await documentsOf(t);
  const [file, clock] = [{}, new TestClock()];
  const { current } = await server(opened, file, clock);
  clock.nowMs += 100 * DAY_MS;
  const late = await server(opened, file, clock);
  t.not(late.current.keyId, current.keyId);
  t.deepEqual(kids(late), [late.current.keyId]);
});

test('tokens that name no key of ours make it look into the store once a second at most', async (t) => {
  const opened = await documentsOf(t);
  const clock = new TestClock();
  const keys = await server(opened, {}, clock);
  const stranger = await server(await documentsOf(t), {}, clock);
  const token = await sign(stranger);
  let looks = 0;
  const { store } = opened;
  const list = store.listDocuments.bind(store);
  store.listDocuments = (name) => {
    looks++;
    return list(name);
  };
  for (let i = 0; i < 20; i++) t.false(await isKnownTo(keys, token));
  t.is(looks, 0);
  clock.nowMs += 1_000;
  for (let i = 0; i < 20; i++) t.false(await isKnownTo(keys, token));
  t.is(looks, 1);
});
