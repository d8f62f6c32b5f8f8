import test from 'ava';
import type { JWTPayload } from 'jose';
import { type ClaimMapping, entraClaims, mappedClaims } from '../../src/identity/claim_reader.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import type { PrincipalKind } from '../../src/model/principal.ts';
import { OBJECT_ID, TENANT } from './token_fixture.ts';

const ISSUER = 'https://sso.example.org';
const base = { oid: OBJECT_ID, tid: TENANT, sub: OBJECT_ID };
const read = entraClaims(TENANT);

const KINDS: readonly [what: string, claims: JWTPayload, kind: PrincipalKind][] = [
  ['an application by idtyp', { ...base, idtyp: 'app' }, 'servicePrincipal'],
  ['an application without idtyp', base, 'servicePrincipal'],
  ['a user by idtyp', { ...base, idtyp: 'user' }, 'user'],
  ['a user by the scopes that were delegated', { ...base, scp: 'user_impersonation' }, 'user'],
  ['a user by a subject of its own', { ...base, sub: 'pairwise' }, 'user'],
  ['a managed identity by its resource', { ...base, idtyp: 'app', xms_mirid: '/subscriptions/1/x' }, 'managedIdentity'],
];

for (const [what, claims, kind] of KINDS) {
  test(`the claims of Entra tell ${what}`, (t) => t.is(read(claims).kind, kind));
}

test('names and application come in the words of version 1 and of version 2', (t) => {
  t.is(read({ ...base, appid: 'a', upn: 'alice@example.org' }).applicationId, 'a');
  t.is(read({ ...base, azp: 'b' }).applicationId, 'b');
  t.is(read({ ...base, upn: 'alice@example.org' }).name, 'alice@example.org');
  t.is(read({ ...base, preferred_username: 'alice' }).name, 'alice');
  t.is(read({ ...base, upn: 'x'.repeat(10_000) }).name, undefined);
});

test('a member of more groups than a token lists is told what to do about it', (t) => {
  for (const overage of [{ _claim_names: { groups: 'src1' } }, { hasgroups: true }, { hasgroups: 'true' }]) {
    const error = t.throws(() => read({ ...base, ...overage }), { instanceOf: StrongroomError, code: 'Unauthorized' });
    t.is(error.innerCode, 'GroupOverage');
    t.regex(error.message, /let the issuer list fewer of them/);
  }
  const most = Array.from({ length: LIMITS.groupsPerPrincipal }, (_, index) => `g${index}`);
  t.is(read({ ...base, groups: most }).groups.length, most.length);
  t.throws(() => read({ ...base, groups: [...most, 'x'] }), { instanceOf: StrongroomError });
  t.notThrows(() => read({ ...base, hasgroups: false, _claim_names: { other: 'src1' } }));
});

const mapping: ClaimMapping = {
  subject: 'sub',
  groups: 'roles',
  application: 'azp',
  name: 'email',
  objectIds: 'derived',
};
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('a subject of another issuer has an object id that is always the same, and nobody else has', (t) => {
  const principal = mappedClaims(
    ISSUER,
    TENANT,
    mapping,
  )({ sub: 'alice', roles: ['admins'], azp: 'app', email: 'a@b.c' });
  t.regex(principal.objectId, GUID);
  t.deepEqual(principal, {
    objectId: '9b7798cf-c56c-86ce-b0a6-25c8b25249a9',
    tenantId: TENANT,
    applicationId: 'app',
    groups: ['dfc14c5f-76f3-8a1e-b665-fce886aad3c6'],
    name: 'a@b.c',
  });
  const ids = [
    [ISSUER, 'alice'],
    [ISSUER, 'Alice'],
    [`${ISSUER}/`, 'alice'],
    [`${ISSUER}","alice`, ''],
  ].map(([issuer = '', sub = '']) => mappedClaims(issuer, TENANT, mapping)({ sub: sub || '-' }).objectId);
  t.is(new Set(ids).size, ids.length);
});

test('a group has another object id than the subject of the same name', (t) => {
  const { objectId, groups } = mappedClaims(ISSUER, TENANT, mapping)({ sub: 'alice', roles: ['alice'] });
  t.regex(groups[0] ?? '', GUID);
  t.not(groups[0], objectId);
});

test('object ids that the issuer claims are GUIDs, taken as they are', (t) => {
  const claimed = mappedClaims(ISSUER, TENANT, { ...mapping, objectIds: 'claimed' });
  t.is(claimed({ sub: OBJECT_ID.toUpperCase() }).objectId, OBJECT_ID);
  t.deepEqual(claimed({ sub: OBJECT_ID, roles: ['ADMINS'] }).groups, ['admins']);
  t.throws(() => claimed({ sub: 'alice' }), { instanceOf: StrongroomError, code: 'Unauthorized' });
});

test('what a mapping has no word for is not read', (t) => {
  const bare = mappedClaims(ISSUER, TENANT, { ...mapping, groups: undefined, application: undefined, name: undefined });
  const principal = bare({ sub: 'alice', groups: ['g'], roles: ['g'], azp: 'app', oid: OBJECT_ID, email: 'a@b.c' });
  t.deepEqual(principal.groups, []);
  t.is(principal.applicationId, undefined);
  t.is(principal.name, undefined);
  t.not(principal.objectId, OBJECT_ID);
});
