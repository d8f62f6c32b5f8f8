import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { authorizationOf, type ConfiguredIssuer, issuerNames } from '../../src/identity/configured_issuer.ts';
import { IssuersFileError, readIssuersFile } from '../../src/identity/issuers_file.ts';
import { ENTRA_TENANT, ENTRA_V1, ENTRA_V2, OTHER_ISSUER, rsaJwk } from './token_fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-issuers-file-'));
test.after.always(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(content: unknown): string {
  const path = join(directory, `issuers${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

writeFileSync(join(directory, 'keys.json'), JSON.stringify({ keys: [rsaJwk] }));
writeFileSync(join(directory, 'no_keys.json'), '{"keys":[]}');
writeFileSync(join(directory, 'ca.pem'), 'a certificate');

const entra = { kind: 'entra', tenant: ENTRA_TENANT };
const openid = { kind: 'openid', issuer: OTHER_ISSUER, algorithms: ['ES256'] };

async function readOne(issuer: object): Promise<ConfiguredIssuer> {
  const [configured] = await readIssuersFile(file({ issuers: [issuer] }));
  if (configured === undefined || configured.kind === 'federated') throw new Error('no issuer');
  return configured;
}

test('a tenant of Entra goes by both of its names, and by RS256 alone', async (t) => {
  const configured = await readOne(entra);
  t.deepEqual(issuerNames(configured), [ENTRA_V1, ENTRA_V2]);
  t.deepEqual(configured.algorithms, ['RS256']);
  t.is(authorizationOf(configured), `https://login.microsoftonline.com/${ENTRA_TENANT}`);
  t.deepEqual(configured.keys, {
    kind: 'published',
    metadata: new URL(`${ENTRA_V2}/.well-known/openid-configuration`),
    certificateAuthorities: undefined,
  });
});

test("another cloud's authority names its tenants itself", async (t) => {
  const authority = 'https://login.microsoftonline.us';
  const configured = await readOne({ ...entra, authority });
  t.deepEqual(issuerNames(configured), [`${authority}/${ENTRA_TENANT}/`, `${authority}/${ENTRA_TENANT}/v2.0`]);
});

test('an issuer of federated credentials has keys and algorithms, and nothing that access tokens need', async (t) => {
  const federated = { kind: 'federated', issuer: OTHER_ISSUER, algorithms: ['RS256'], keysFile: 'keys.json' };
  t.deepEqual(await readIssuersFile(file({ issuers: [federated] })), [
    {
      kind: 'federated',
      issuer: OTHER_ISSUER,
      algorithms: ['RS256'],
      keys: { kind: 'pinned', keySet: { keys: [rsaJwk] } },
    },
  ]);
  for (const member of ['audiences', 'claims', 'objectIds']) {
    const reading = readIssuersFile(file({ issuers: [{ ...federated, [member]: ['x'] }] }));
    await t.throwsAsync(reading, { instanceOf: IssuersFileError, message: new RegExp(member) });
  }
});

test('an OpenID issuer has metadata behind its name, wherever that ends', async (t) => {
  for (const issuer of [OTHER_ISSUER, `${OTHER_ISSUER}/`]) {
    const { keys } = await readOne({ ...openid, issuer, caFile: 'ca.pem' });
    t.deepEqual(keys, {
      kind: 'published',
      metadata: new URL(`${OTHER_ISSUER}/.well-known/openid-configuration`),
      certificateAuthorities: 'a certificate',
    });
  }
});

test('keys that are pinned are fetched from nowhere', async (t) => {
  t.deepEqual((await readOne({ ...openid, keysFile: 'keys.json' })).keys, {
    kind: 'pinned',
    keySet: { keys: [rsaJwk] },
  });
});

test('claims are those of the mapping, and object ids are derived unless it says otherwise', async (t) => {
  const plain = await readOne(openid);
  const undefinedClaims = { groups: undefined, application: undefined, name: undefined };
  t.like(plain, { claims: { subject: 'sub', ...undefinedClaims, objectIds: 'derived' } });
  const mapped = await readOne({ ...openid, claims: { subject: 'oid', groups: 'g' }, objectIds: 'claimed' });
  t.like(mapped, { claims: { subject: 'oid', groups: 'g', objectIds: 'claimed' } });
});

const WRONG: readonly [what: string, content: unknown, message: RegExp][] = [
  ['no JSON', '{', /is no JSON/],
  ['a list', [], /expected an object/],
  ['no issuers', {}, /a list of 1 to 16/],
  ['an empty list', { issuers: [] }, /a list of 1 to 16/],
  ['17 issuers', { issuers: Array.from({ length: 17 }, () => openid) }, /a list of 1 to 16/],
  ['another member', { issuers: [openid], issuer: OTHER_ISSUER }, /the unknown member issuer/],
  ['an issuer twice', { issuers: [openid, openid] }, /an issuer twice/],
  ['a tenant twice', { issuers: [entra, { ...openid, issuer: ENTRA_V2 }] }, /an issuer twice/],
];

const WRONG_ISSUERS: readonly [what: string, issuer: unknown, message: RegExp][] = [
  ['null', null, /expected an object/],
  ['no kind', { issuer: OTHER_ISSUER }, /expected entra, openid or federated for kind/],
  ['a kind that there is not', { kind: 'saml' }, /expected entra, openid or federated for kind/],
  ['a member that there is not', { ...openid, algorithm: 'ES256' }, /the unknown member algorithm/],
  ['a member of another kind', { ...entra, claims: {} }, /the unknown member claims/],
  ['no tenant', { kind: 'entra' }, /a GUID in lower case for tenant/],
  ['a tenant by its domain', { kind: 'entra', tenant: 'example.onmicrosoft.com' }, /a GUID/],
  ['every tenant', { kind: 'entra', tenant: 'common' }, /a GUID/],
  ['an authority over http', { ...entra, authority: 'http://login.example' }, /for authority/],
  ['an authority with a path', { ...entra, authority: 'https://login.example/x' }, /for authority/],
  ['no issuer', { kind: 'openid', algorithms: ['ES256'] }, /an https URL for issuer/],
  ['an issuer over http', { ...openid, issuer: 'http://sso.example.org' }, /an https URL for issuer/],
  ['no algorithms', { kind: 'openid', issuer: OTHER_ISSUER }, /algorithms out of RS256, PS256, ES256, ES384/],
  ['an empty list of algorithms', { ...openid, algorithms: [] }, /algorithms out of/],
  ['the algorithm none', { ...openid, algorithms: ['none'] }, /algorithms out of/],
  ['an algorithm with a secret', { ...openid, algorithms: ['ES256', 'HS256'] }, /algorithms out of/],
  ['no audience', { ...openid, audiences: [] }, /texts for audiences/],
  ['an empty audience', { ...openid, audiences: [''] }, /texts for audiences/],
  ['an audience that is no list', { ...openid, audiences: 'strongroom' }, /texts for audiences/],
  ['metadata over http', { ...openid, metadata: 'http://sso.example.org/metadata' }, /an https URL for metadata/],
  ['metadata beside keys', { ...openid, keysFile: 'keys.json', metadata: OTHER_ISSUER }, /stands without metadata/],
  ['keys that are not there', { ...openid, keysFile: 'none.json' }, /cannot be read \(ENOENT\)/],
  ['no key among the keys', { ...openid, keysFile: 'no_keys.json' }, /no JSON Web Key Set/],
  ['a path that is none', { ...openid, caFile: 5 }, /expected a path/],
  ['a claim that there is not', { ...openid, claims: { tenant: 'tid' } }, /the unknown member tenant/],
  ['a claim without a name', { ...openid, claims: { subject: '' } }, /the name of a claim for subject/],
  ['object ids of a third kind', { ...openid, objectIds: 'random' }, /derived or claimed/],
];

for (const [what, content, message] of [
  ...WRONG,
  ...WRONG_ISSUERS.map(
    ([what, issuer, message]) => [`an issuer with ${what}`, { issuers: [issuer] }, message] as const,
  ),
]) {
  test(`refused: ${what}`, async (t) => {
    await t.throwsAsync(readIssuersFile(file(content)), { instanceOf: IssuersFileError, message });
  });
}
