import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { promisify } from 'node:util';
import test from 'ava';
import { pino } from 'pino';
import { Audiences } from '../../src/identity/audience.ts';
import { Authenticator } from '../../src/identity/authenticator.ts';
import { entraClaims } from '../../src/identity/claim_reader.ts';
import { Directory } from '../../src/identity/embedded/directory.ts';
import { ManagedIdentities } from '../../src/identity/embedded/managed_identities.ts';
import { type LocalIdentity, resourceIdOf } from '../../src/identity/embedded/managed_identity.ts';
import { TokenMint } from '../../src/identity/embedded/token_mint.ts';
import { ManagedIdentityServer } from '../../src/server/managed_identity/managed_identity_server.ts';
import { testAsRoot } from '../fixtures/test_unless.ts';
import { issuerKeys } from '../identity/embedded/issuer_keys.ts';
import { FakeAudit } from './fake_audit.ts';
import { DOMAIN, LOGIN_HOST, TENANT } from './test_server.ts';

const OWN_USER = process.getuid?.() ?? 0;
const OTHER_USER = 12_345;
const THIRD_USER = 12_346;
const HEADER = 'the word of this installation';
const RESOURCE = `https://${DOMAIN}:8443`;
const GROUP = '99999999-0000-4000-8000-000000000000';

function local(displayName: string, kind: 'systemAssigned' | 'userAssigned', ...localUsers: number[]): LocalIdentity {
  const identity = { id: randomUUID(), clientId: randomUUID(), tenantId: TENANT, displayName, managedIdentity: kind };
  return { identity, localUsers };
}

const machine = local('machine', 'systemAssigned', OWN_USER);
const backup = local('backup', 'userAssigned', OWN_USER, OTHER_USER);
const reports = local('reports', 'userAssigned', OWN_USER, THIRD_USER);
const invoices = local('invoices', 'userAssigned', THIRD_USER);
const nobodys = local('nobodys', 'userAssigned');
const disabled = local('disabled', 'userAssigned', OWN_USER);
const LOCAL = [machine, backup, reports, invoices, nobodys, disabled];

const keys = await issuerKeys();
const resources = new Audiences(DOMAIN);
const directory = new Directory(TENANT, {
  tenants: [{ id: TENANT, displayName: 'test' }],
  applications: [],
  servicePrincipals: LOCAL.map(({ identity }) => ({
    ...identity,
    isEnabled: identity !== disabled.identity,
    isAdministrator: false,
  })),
  users: [],
  groups: [{ id: GROUP, tenantId: TENANT, displayName: 'g', members: [machine.identity.id] }],
});
const audit = new FakeAudit();
const server = await ManagedIdentityServer.open({
  addresses: [{ host: '127.0.0.1', port: 0, mayBeAbsent: false }],
  identities: new ManagedIdentities({
    local: LOCAL,
    directory: { current: directory },
    mint: new TokenMint(keys),
    resources,
    origin: `https://${LOGIN_HOST}:8443`,
  }),
  header: HEADER,
  audit,
  log: pino({ level: 'silent' }),
});
test.after.always(() => server.close());

const port = server.addresses[0]?.port ?? 0;
const authenticator = new Authenticator([
  {
    issues: (iss) => iss === `https://${LOGIN_HOST}:8443/${TENANT}/`,
    algorithms: ['RS256'],
    keys: keys.find,
    audiences: resources,
    listsAudience: false,
    principalOf: entraClaims(TENANT),
  },
]);

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Asked {
  readonly path?: string;
  readonly query?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
}

const IMDS = '/metadata/identity/oauth2/token';
const APP_SERVICE = '/msi/token';
const QUERY = `api-version=2018-02-01&resource=${encodeURIComponent(RESOURCE)}`;
const METADATA = { metadata: 'true' };

function ask({ path = IMDS, query = QUERY, method = 'GET', headers = METADATA }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path: `${path}?${query}`, method, headers, agent: false });
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

const principalOf = async ({ body }: Answer) => authenticator.authenticate(String(body.access_token));

for (const path of [IMDS, `${IMDS}/`]) {
  test.serial(`a process gets the identity of its local user at ${path}`, async (t) => {
    const answer = await ask({ path });
    t.is(answer.status, 200);
    t.deepEqual(await principalOf(answer), {
      objectId: machine.identity.id,
      tenantId: TENANT,
      applicationId: machine.identity.clientId,
      groups: [GROUP],
      kind: 'managedIdentity',
      name: undefined,
    });
    t.like(answer.body, { token_type: 'Bearer', resource: RESOURCE, client_id: machine.identity.clientId });
    t.is(answer.body.expires_in, '3599');
    t.regex(String(answer.body.expires_on), /^\d{10}$/);
  });
}

test.serial('the form of App Service is guarded by the word of the installation', async (t) => {
  const query = QUERY.replace('2018-02-01', '2019-08-01');
  const answer = await ask({ path: APP_SERVICE, query, headers: { 'x-identity-header': HEADER } });
  t.is(answer.status, 200);
  t.is((await principalOf(answer)).objectId, machine.identity.id);
  for (const word of [[], '', `${HEADER}.`, HEADER.toUpperCase(), [HEADER, HEADER]]) {
    const headers = { ...METADATA, 'x-identity-header': word };
    t.is((await ask({ path: APP_SERVICE, query, headers })).status, 401);
  }
});

for (const [parameter, value] of [
  ['client_id', backup.identity.clientId],
  ['client_id', backup.identity.clientId.toUpperCase()],
  ['object_id', backup.identity.id],
  ['principal_id', backup.identity.id],
  ['msi_res_id', resourceIdOf(backup.identity)],
  ['mi_res_id', resourceIdOf(backup.identity).replace('resourcegroups', 'resourceGroups')],
] as const) {
  test.serial(`one of several is named by ${parameter} ${value}`, async (t) => {
    const answer = await ask({ query: `${QUERY}&${parameter}=${encodeURIComponent(value)}` });
    t.is((await principalOf(answer)).objectId, backup.identity.id);
  });
}

const named = (identity: LocalIdentity): string => `${QUERY}&client_id=${identity.identity.clientId}`;
const REFUSED: readonly [what: string, asked: Asked, status: number][] = [
  ['no Metadata header, as who looks for the endpoint does', { headers: {} }, 400],
  ['Metadata: false', { headers: { metadata: 'false' } }, 400],
  ['Metadata twice', { headers: { metadata: ['true', 'true'] } }, 400],
  ['X-Forwarded-For', { headers: { ...METADATA, 'x-forwarded-for': '10.0.0.1' } }, 400],
  ['an empty X-Forwarded-For', { headers: { ...METADATA, 'x-forwarded-for': '' } }, 400],
  ['Forwarded', { headers: { ...METADATA, forwarded: 'for=10.0.0.1' } }, 400],
  ['Via', { headers: { ...METADATA, via: '1.1 proxy' } }, 400],
  ['the origin of a page', { headers: { ...METADATA, origin: 'http://127.0.0.1' } }, 400],
  ['a name of the web that leads here', { headers: { ...METADATA, host: 'rebound.example' } }, 400],
  ['a name that begins like this machine', { headers: { ...METADATA, host: 'localhost.evil.example' } }, 400],
  ['POST', { method: 'POST' }, 405],
  ['PUT', { method: 'PUT' }, 405],
  ['another path', { path: '/metadata/instance' }, 404],
  ['the path of the issuer', { path: `/${TENANT}/oauth2/v2.0/token` }, 404],
  ['no api-version', { query: QUERY.replace('api-version', 'x') }, 400],
  ['another api-version', { query: QUERY.replace('2018', '2017') }, 400],
  ['the api-version of the other form', { query: QUERY.replace('2018-02-01', '2019-08-01') }, 400],
  ['no resource', { query: 'api-version=2018-02-01' }, 400],
  ['a resource twice', { query: `${QUERY}&resource=x` }, 400],
  ['the resource of somebody else', { query: QUERY.replace(DOMAIN, 'vault.azure.net') }, 400],
  ['an identity named in two ways', { query: `${named(backup)}&object_id=${backup.identity.id}` }, 400],
  ['an identity named twice', { query: `${named(backup)}&client_id=${backup.identity.clientId}` }, 400],
  ["another user's identity", { query: named(invoices) }, 400],
  ["nobody's identity", { query: named(nobodys) }, 400],
  ['an identity that was disabled', { query: named(disabled) }, 400],
  ['an identity that there is not', { query: `${QUERY}&client_id=${TENANT}` }, 400],
  ['an identity by its name alone', { query: `${QUERY}&client_id=backup` }, 400],
  ['an endless name', { query: `${QUERY}&client_id=${'x'.repeat(600)}` }, 400],
];

for (const [what, asked, status] of REFUSED) {
  test.serial(`refused, and on record: ${what}`, async (t) => {
    audit.taken();
    const answer = await ask(asked);
    t.is(answer.status, status);
    t.is(answer.body.access_token, undefined);
    t.is(typeof answer.body.error, 'string');
    const [event, ...more] = audit.taken();
    t.is(more.length, 0);
    t.is(event?.operation, 'ManagedIdentityToken');
    t.not(event?.result, 'Success');
  });
}

test.serial('who has no identity is told so in the words that clients look for', async (t) => {
  t.is((await ask({ query: named(invoices) })).body.error_description, 'Identity not found');
});

test.serial('what is on record says who got a token, and as which local user', async (t) => {
  audit.taken();
  await ask();
  const [event] = audit.taken();
  t.like(event, { result: 'Success', callerAddress: '127.0.0.1', target: `localUsers/${OWN_USER}`, httpStatus: 200 });
  t.is(event?.principal?.objectId, machine.identity.id);
});

for (const takesNothing of ['admitted', 'recorded'] as const) {
  test.serial(`no token is given that cannot be put on record (${takesNothing})`, async (t) => {
    audit.takesNothing = takesNothing;
    const { status, body } = await ask();
    audit.takesNothing = undefined;
    t.is(status, 503);
    t.is(body.access_token, undefined);
  });
}

const PROGRAM = `fetch(process.argv[1], { headers: { metadata: 'true' } }).then(async (r) => console.log(await r.text()))`;

/** The answer that a process of that user gets. */
async function askAs(uid: number, query: string): Promise<Record<string, unknown>> {
  const url = `http://127.0.0.1:${port}${IMDS}?${query}`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', PROGRAM, url], { uid, cwd: '/' });
  return JSON.parse(stdout);
}

testAsRoot.serial('a process is who its local user is, whatever it asks for', async (t) => {
  const only = await askAs(OTHER_USER, QUERY);
  t.is((await authenticator.authenticate(String(only.access_token))).objectId, backup.identity.id);
  t.is((await askAs(OTHER_USER, named(machine))).access_token, undefined);
  t.is((await askAs(THIRD_USER, QUERY)).access_token, undefined, 'it has two, and names none');
  const own = await askAs(THIRD_USER, named(invoices));
  t.is((await authenticator.authenticate(String(own.access_token))).objectId, invoices.identity.id);
  t.is((await askAs(OTHER_USER + 100, QUERY)).error_description, 'Identity not found');
});
