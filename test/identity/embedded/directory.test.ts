import test from 'ava';
import { newApplication } from '../../../src/identity/embedded/new_application.ts';
import { directoryOf, group, TENANT, user } from './directory_fixture.ts';

const OTHER_TENANT = '99999999-2222-3333-4444-555555555555';

test('a member of a group is in the groups that this one is in, also where they go round in a circle', (t) => {
  const directory = directoryOf({
    groups: [
      group('inner', 'alice'),
      group('middle', 'inner', 'bob'),
      group('outer', 'middle'),
      group('loop', 'outer'),
    ],
  });
  t.deepEqual(directory.groupsOf('alice'), ['inner', 'loop', 'middle', 'outer']);
  t.deepEqual(directory.groupsOf('bob'), ['loop', 'middle', 'outer']);
  t.deepEqual(directory.groupsOf('nobody'), []);
  const round = directoryOf({ groups: [group('one', 'two', 'alice'), group('two', 'one')] });
  t.deepEqual(round.groupsOf('alice'), ['one', 'two']);
});

test('tenants, applications and users are found in any case, each in its own tenant', (t) => {
  const { application, servicePrincipal } = newApplication(TENANT, 'one');
  const directory = directoryOf({
    applications: [application],
    servicePrincipals: [servicePrincipal],
    users: [user('alice@test')],
  });
  t.is(directory.findTenant(TENANT.toUpperCase())?.id, TENANT);
  t.is(directory.findTenant('ADFS')?.id, TENANT);
  t.is(directory.findTenant('common'), undefined);
  t.is(directory.findApplication(application.clientId.toUpperCase()), application);
  t.is(directory.findServicePrincipal(TENANT, application.clientId), servicePrincipal);
  t.is(directory.findServicePrincipal(OTHER_TENANT, application.clientId), undefined);
  t.is(directory.findUser(TENANT, 'Alice@Test')?.userPrincipalName, 'alice@test');
  t.is(directory.findUser(OTHER_TENANT, 'alice@test'), undefined);
});
