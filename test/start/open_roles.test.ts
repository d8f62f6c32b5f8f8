import { randomUUID } from 'node:crypto';
import test from 'ava';
import { pino } from 'pino';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { openRoles } from '../../src/start/open_roles.ts';
import { MemoryDocumentStore, testDocuments } from '../fixtures/test_documents.ts';

const { administrator, cryptoOfficer, cryptoUser } = BUILT_IN_ROLE_IDS;
const log = pino({ level: 'silent' });

/** What is held after a start with these administrators, by an application that the first start has made. */
async function start(
  store: MemoryDocumentStore,
  administrators: readonly string[],
  application?: string,
): Promise<string[]> {
  const environment =
    administrators.length === 0 ? {} : { STRONGROOM_ACCESS_INITIAL_ADMINISTRATORS: administrators.join() };
  const roles = await openRoles(loadConfiguration({ environment }), testDocuments(store), application, log);
  return roles.assignments.map(
    ({ principalId, roleDefinitionId, scope }) => `${principalId} ${roleDefinitionId} ${scope}`,
  );
}

test('without administrators in the configuration the first application holds what one needs to try things out', async (t) => {
  const [store, application] = [new MemoryDocumentStore(), randomUUID()];
  const expected = [administrator, cryptoOfficer, cryptoUser].map((role) => `${application} ${role} /`);
  t.deepEqual(await start(store, [], application), expected);
  t.deepEqual(await start(store, [], application), expected);
  t.deepEqual(await start(new MemoryDocumentStore(), []), []);
});

test('administrators of the configuration administer and nothing else, and the first application holds nothing', async (t) => {
  const [store, ada, ben] = [new MemoryDocumentStore(), randomUUID(), randomUUID()];
  t.deepEqual(await start(store, [ada], randomUUID()), [`${ada} ${administrator} /`]);
  t.deepEqual(await start(store, [ada, ben]), [`${ada} ${administrator} /`, `${ben} ${administrator} /`]);
});
