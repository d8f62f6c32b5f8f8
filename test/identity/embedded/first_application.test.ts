import test, { type ExecutionContext } from 'ava';
import { isClientSecret } from '../../../src/identity/embedded/client_secret.ts';
import {
  type FirstApplication,
  openFirstApplication,
  openOrigin,
} from '../../../src/identity/embedded/first_application.ts';
import { StoredDirectory } from '../../../src/identity/embedded/stored_directory.ts';
import { type OpenedDocuments, openDocuments } from '../../fixtures/open_documents.ts';
import { TENANT } from './directory_fixture.ts';

interface Started {
  readonly directory: StoredDirectory;
  readonly first: FirstApplication | undefined;
  readonly tenantId: string;
}

async function documentsOf(t: ExecutionContext): Promise<OpenedDocuments> {
  const opened = await openDocuments();
  t.teardown(opened.close);
  return opened;
}

/** As a server starts, with what its environment file has. */
async function start({ again }: OpenedDocuments, secret?: string, tenant?: string): Promise<Started> {
  const documents = again();
  const origin = await openOrigin(documents, tenant);
  const { tenantId } = origin.content;
  const directory = await StoredDirectory.open(documents, tenantId, () => undefined);
  return { directory, first: await openFirstApplication(documents, directory, origin, secret), tenantId };
}

test('the first start makes a tenant and an application that may change the directory, the next finds them', async (t) => {
  const opened = await documentsOf(t);
  const { directory, first, tenantId } = await start(opened);
  t.true(first?.servicePrincipal.isAdministrator);
  t.is(directory.current.findTenant('adfs')?.id, tenantId);
  const again = await start(opened, first?.secret);
  t.deepEqual(again.first, first);
  t.is(again.directory.current.objects.applications.length, 1);
  t.is(again.directory.current.objects.applications[0]?.secrets.length, 1);
});

test('of the secret a hash alone is stored', async (t) => {
  const opened = await documentsOf(t);
  const { directory, first } = await start(opened);
  const stored = JSON.stringify(await opened.store.listDocuments('application'));
  t.false(stored.includes(first?.secret ?? ''));
  const [kept] = directory.current.objects.applications[0]?.secrets ?? [];
  t.true(kept !== undefined && (await isClientSecret(first?.secret ?? '', kept.hash)));
});

test('a server that knows no secret, or a wrong one, adds its own to those of the others', async (t) => {
  const opened = await documentsOf(t);
  const { first } = await start(opened);
  const other = await start(opened);
  const wrong = await start(opened, 'wrong');
  t.is(new Set([first?.secret, other.first?.secret, wrong.first?.secret]).size, 3);
  t.is(wrong.directory.current.objects.applications[0]?.secrets.length, 3);
  t.is((await start(opened, first?.secret)).first?.secret, first?.secret);
});

test('servers that start at once have one tenant and one application', async (t) => {
  const opened = await documentsOf(t);
  const started = await Promise.all([start(opened), start(opened), start(opened)]);
  t.is(new Set(started.map(({ tenantId }) => tenantId)).size, 1);
  t.is(new Set(started.map(({ first }) => first?.servicePrincipal.id)).size, 1);
  const { directory } = await start(opened, started[0]?.first?.secret);
  const { tenants, applications, servicePrincipals } = directory.current.objects;
  t.deepEqual([tenants.length, applications.length, servicePrincipals.length], [1, 1, 1]);
});

test('a secret that has nearly ended is replaced, and one that has ended goes', async (t) => {
  const opened = await documentsOf(t);
  const { directory, first } = await start(opened);
  const [application] = directory.current.objects.applications;
  if (application === undefined) throw new Error('no application');
  const endMs = Date.now() + 60_000;
  const ending = application.secrets.map((each) => ({ ...each, endMs }));
  await directory.change('applications', application, (now) => ({
    ...now,
    secrets: [...ending, ...ending.map((each) => ({ ...each, keyId: 'ended', endMs: 1 }))],
  }));
  const again = await start(opened, first?.secret);
  t.not(again.first?.secret, first?.secret);
  const kept = again.directory.current.objects.applications[0]?.secrets ?? [];
  t.deepEqual([kept.length, kept.some(({ keyId }) => keyId === 'ended')], [2, false]);
});

test('an application that was deleted on purpose stays deleted', async (t) => {
  const opened = await documentsOf(t);
  const { directory, first } = await start(opened);
  const [application] = directory.current.objects.applications;
  if (application === undefined) throw new Error('no application');
  await directory.remove('applications', application);
  const again = await start(opened, first?.secret);
  t.is(again.first, undefined);
  t.is(again.directory.current.objects.applications.length, 0);
});

test('a tenant that the operator names takes the application along', async (t) => {
  const opened = await documentsOf(t);
  const { first } = await start(opened);
  const moved = await start(opened, first?.secret, TENANT);
  t.is(moved.tenantId, TENANT);
  t.like(moved.first?.servicePrincipal, { tenantId: TENANT, clientId: first?.servicePrincipal.clientId });
  t.is((await start(opened, first?.secret)).tenantId, TENANT);
});
