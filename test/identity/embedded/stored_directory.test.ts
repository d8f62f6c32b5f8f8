import test, { type ExecutionContext } from 'ava';
import { newApplication } from '../../../src/identity/embedded/new_application.ts';
import { StoredDirectory } from '../../../src/identity/embedded/stored_directory.ts';
import { StrongroomError } from '../../../src/model/errors.ts';
import { SealedDocuments } from '../../../src/store/sealed_documents.ts';
import { openDocuments } from '../../fixtures/open_documents.ts';
import { refused } from '../../fixtures/refused.ts';
import { storeWith } from '../../fixtures/store_with.ts';
import { group, TENANT, user } from './directory_fixture.ts';

/** Two servers over one store, each of which hears of the other's changes when `tell` is called. */
async function open(t: ExecutionContext) {
  const { store, sealer, close } = await openDocuments();
  t.teardown(close);
  const troubles: unknown[] = [];
  const listeners: ((collections: readonly string[] | undefined) => void)[] = [];
  const heard = storeWith(store, { onDocumentsChanged: (listener) => void listeners.push(listener) });
  const server = () =>
    StoredDirectory.open(new SealedDocuments(sealer, heard), TENANT, (error) => troubles.push(error));
  const tell = (...collections: string[]) => {
    for (const listener of listeners) listener(collections);
  };
  return { here: await server(), there: await server(), store, tell, troubles };
}

/** Waits for the turn that a notice has begun: a change that is planned behind it comes after it. */
async function settle(directory: StoredDirectory): Promise<void> {
  await directory.change('tenants', { id: 'none', displayName: '' }, (same) => same).catch(() => undefined);
}

test('what one server adds, changes and removes is so for the other when it has been told', async (t) => {
  const { here, there, tell } = await open(t);
  const alice = user('alice@test');
  await here.add('users', alice);
  t.deepEqual(here.current.findUser(TENANT, 'alice@test')?.id, alice.id);
  tell('user');
  await settle(there);
  t.is(there.current.findActive(alice.id)?.id, alice.id);
  await there.change('users', alice, (now) => ({ ...now, isEnabled: false }));
  tell('user');
  await settle(here);
  t.is(here.current.findActive(alice.id), undefined);
  t.not(here.current.findUserById(alice.id), undefined);
  await here.remove('users', alice);
  tell('user');
  await settle(there);
  t.is(there.current.findUserById(alice.id), undefined);
});

test('a change begins with what is stored, whatever the server has seen', async (t) => {
  const { here, there } = await open(t);
  await here.add('groups', group('g', 'one'));
  await there.change('groups', group('g'), (now) => ({ ...now, members: [...now.members, 'two'] }));
  await here.change('groups', group('g'), (now) => ({ ...now, members: [...now.members, 'three'] }));
  t.deepEqual(here.current.objects.groups[0]?.members, ['one', 'two', 'three']);
});

test('changes of two servers at once are all kept', async (t) => {
  const { here, there } = await open(t);
  await here.add('groups', group('g'));
  const names = Array.from({ length: 8 }, (_, index) => `member ${index}`);
  const add = (name: string, index: number) =>
    (index % 2 === 0 ? here : there).change('groups', group('g'), (now) => ({
      ...now,
      members: [...now.members, name],
    }));
  await Promise.all(names.map(add));
  await here.change('groups', group('g'), (same) => same);
  t.deepEqual([...(here.current.objects.groups[0]?.members ?? [])].sort(), names);
});

test('there are no two of one name, whichever server is asked', async (t) => {
  const { here, there } = await open(t);
  const { application, servicePrincipal } = newApplication(TENANT, 'one');
  await here.add('applications', application);
  await here.add('servicePrincipals', servicePrincipal);
  await here.add('users', user('alice@test'));
  await refused(t, there.add('users', { ...user('alice@test'), id: 'another' }), 'Conflict', 'ObjectExists');
  await refused(t, there.add('servicePrincipals', { ...servicePrincipal, id: 'x' }), 'Conflict', 'ObjectExists');
  await t.notThrowsAsync(there.add('servicePrincipals', { ...servicePrincipal, id: 'x', tenantId: 'another' }));
});

test('what is gone cannot be changed or removed', async (t) => {
  const { here } = await open(t);
  await refused(
    t,
    here.change('users', user('alice@test'), (same) => same),
    'NotFound',
  );
  await refused(t, here.remove('users', user('alice@test')), 'NotFound');
});

test('a user who is brought back from before is not taken, and one of the same name is', async (t) => {
  const { here, there, store, tell, troubles } = await open(t);
  const alice = user('alice@test');
  await here.add('users', alice);
  const key = `${TENANT} alice@test`;
  const old = await store.findDocument('user', key);
  await here.change('users', alice, (now) => ({ ...now, isEnabled: false }));
  tell('user');
  await settle(there);
  await store.changeDocument({ collection: 'user', id: key, expectedRevision: 2, document: undefined });
  await store.changeDocument({ collection: 'user', id: key, expectedRevision: undefined, document: old });
  tell('user');
  await settle(there);
  t.is(there.current.findActive(alice.id), undefined);
  t.true(troubles.length > 0 && troubles.every((each) => (each as StrongroomError).code === 'StoreTampered'));
  await store.changeDocument({ collection: 'user', id: key, expectedRevision: 1, document: undefined });
  const namesake = { ...alice, id: 'another' };
  const other = await open(t);
  await other.here.add('users', alice);
  await other.here.change('users', alice, (now) => ({ ...now, isEnabled: false }));
  other.tell('user');
  await settle(other.there);
  await other.here.remove('users', alice);
  await other.here.add('users', namesake);
  other.tell('user');
  await settle(other.there);
  t.is(other.there.current.findActive('another')?.id, 'another');
});

test('a store that cannot be read is read again', async (t) => {
  const { store, sealer, close } = await openDocuments();
  t.teardown(close);
  let tell = (_: readonly string[] | undefined): void => undefined;
  let fails = false;
  const flaky = storeWith(store, {
    listDocuments: (name) =>
      fails ? Promise.reject(new StrongroomError('ServiceUnavailable', 'Not now.')) : store.listDocuments(name),
    onDocumentsChanged: (listener) => {
      const before = tell;
      tell = (collections) => {
        before(collections);
        listener(collections);
      };
    },
  });
  let troubled = (): void => undefined;
  const trouble = new Promise<void>((resolve) => {
    troubled = resolve;
  });
  const directory = await StoredDirectory.open(new SealedDocuments(sealer, flaky), TENANT, () => troubled());
  await new SealedDocuments(sealer, store).add('user', `${TENANT} alice@test`, user('alice@test'));
  fails = true;
  tell(['user']);
  await trouble;
  t.is(directory.current.findUser(TENANT, 'alice@test'), undefined);
  fails = false;
  while (directory.current.findUser(TENANT, 'alice@test') === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.is(directory.current.findUser(TENANT, 'alice@test')?.displayName, 'ALICE@TEST');
});
