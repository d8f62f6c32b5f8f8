import test from 'ava';
import { decodeJwt, type JWTPayload } from 'jose';
import { newSigningKey, readSigningKey } from '../../../src/identity/embedded/signing_key.ts';
import { type AccessGrant, TokenMint } from '../../../src/identity/embedded/token_mint.ts';
import { TENANT, user } from './directory_fixture.ts';

const mint = new TokenMint({ current: await readSigningKey(await newSigningKey()) });
const ORIGIN = 'https://login.test';

async function claimsOf(grant: Partial<AccessGrant>, claims?: string): Promise<JWTPayload> {
  const form = new URLSearchParams(claims === undefined ? {} : { claims });
  const { text } = await mint.accessToken({
    request: { origin: ORIGIN, tenant: { id: TENANT, displayName: 'test' }, form },
    audience: 'https://pool.test',
    client: { clientId: 'client', authentication: 'secret' },
    subject: { kind: 'application', objectId: 'object' },
    groups: [],
    ...grant,
  });
  return decodeJwt(text);
}

test('the token of an application says that it is one', async (t) => {
  const { iat, nbf, exp, uti, ...claims } = await claimsOf({});
  t.deepEqual(claims, {
    aud: 'https://pool.test',
    iss: `${ORIGIN}/${TENANT}/`,
    appid: 'client',
    appidacr: '1',
    idp: `${ORIGIN}/${TENANT}/`,
    idtyp: 'app',
    oid: 'object',
    sub: 'object',
    tid: TENANT,
    ver: '1.0',
  });
  t.is(nbf, iat);
  t.is((exp ?? 0) - (iat ?? 0), 3600);
  t.is(typeof uti, 'string');
});

test('the token of a person names the person, and what the application may do in their name', async (t) => {
  const subject = { kind: 'user', user: user('alice@test'), permissions: ['user_impersonation'] } as const;
  const client = { clientId: 'client', authentication: 'none' } as const;
  t.like(await claimsOf({ subject, client }), {
    idtyp: 'user',
    oid: 'id of alice@test',
    sub: 'id of alice@test',
    scp: 'user_impersonation',
    name: 'ALICE@TEST',
    upn: 'alice@test',
    unique_name: 'alice@test',
    appidacr: '0',
  });
});

test('no two tokens have the same id', async (t) => {
  const [one, two] = await Promise.all([claimsOf({}), claimsOf({})]);
  t.not(one.uti, two.uti);
});

test('up to 200 groups are listed, and more are only pointed to', async (t) => {
  const groups = Array.from({ length: 201 }, (_, index) => `group ${index}`);
  t.deepEqual((await claimsOf({ groups: groups.slice(1) })).groups, groups.slice(1));
  const { groups: listed, _claim_names: names, _claim_sources: sources } = await claimsOf({ groups });
  t.is(listed, undefined);
  t.deepEqual(names, { groups: 'src1' });
  t.deepEqual(sources, { src1: { endpoint: `${ORIGIN}/v1.0/servicePrincipals/object/getMemberObjects` } });
  t.false('groups' in (await claimsOf({})));
});

const CAPABILITIES: readonly [claims: string, repeated: unknown][] = [
  ['{"access_token":{"xms_cc":{"values":["cp1"]}}}', ['cp1']],
  ['{"access_token":{"xms_cc":{"values":["CP1","other"]}}}', ['cp1']],
  ['{"access_token":{"xms_cc":{"values":["other"]}}}', undefined],
  ['{"access_token":{"xms_cc":{"values":"cp1"}}}', undefined],
  ['{"access_token":{"xms_cc":null,"roles":{"value":"admin"}}}', undefined],
  ['"xms_cc"', undefined],
  ['{"xms_cc"', undefined],
];

for (const [claims, repeated] of CAPABILITIES) {
  test(`of the requested claims ${claims} ${repeated ? 'the capability' : 'nothing'} is repeated`, async (t) => {
    const minted = await claimsOf({}, claims);
    t.deepEqual(minted.xms_cc, repeated);
    t.false('roles' in minted);
  });
}
