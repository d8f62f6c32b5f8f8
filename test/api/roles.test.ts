import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { RunningServer } from './running_server.ts';

const ASSIGNMENTS = '/providers/Microsoft.Authorization/roleAssignments';
const ADMINISTRATOR = 'a290e904-7015-4bba-90c8-60543313cdb4';

test('where administrators are named, the first application may do nothing, and roles outlive a restart', async (t) => {
  const administrator = randomUUID();
  const server = await RunningServer.start({ STRONGROOM_ACCESS_INITIAL_ADMINISTRATORS: administrator });
  t.teardown(() => server.remove());
  for (const round of ['first start', 'second start']) {
    const refused = await server.get(ASSIGNMENTS);
    t.is(refused.status, 403, round);
    t.is(refused.json.error?.code, 'AccessDenied');
    t.regex(refused.json.error?.message ?? '', /roleAssignments\/read\/action on \/ /);
    t.is((await server.get('/keys/k1')).status, 403, round);
    await server.stop();
    await server.restart();
  }
});

test('a server does not come up over roles that were edited behind its back', async (t) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  const { json } = await server.get(ASSIGNMENTS);
  const held = json.value as { properties: { roleDefinitionId: string; principalId: string } }[];
  t.true(held.some(({ properties }) => properties.roleDefinitionId.endsWith(ADMINISTRATOR)));
  await server.stop();
  const database = new DatabaseSync(join(server.dataDir, 'strongroom.sqlite'));
  const edit = "UPDATE document SET content = replace(content, ?, ?) WHERE collection = 'role_assignment'";
  t.is(Number(database.prepare(edit).run(held[0]?.properties.principalId ?? '', randomUUID()).changes), 1);
  database.close();
  const error = await t.throwsAsync(server.restart());
  t.regex(error?.message ?? '', /A record in the store is not what was stored/);
});
