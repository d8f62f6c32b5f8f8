import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { type Answer, RunningServer } from './running_server.ts';

const ISSUER = 'https://sso.example.org/production';
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const ADMINISTRATOR = randomUUID();
const USER = randomUUID();
const VERSION = 'api-version=2025-07-01';

const openid = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const entra = generateKeyPairSync('rsa', { modulusLength: 2048 });
const directory = mkdtempSync(join(tmpdir(), 'strongroom-issuer-'));
const write = (name: string, content: object): string => {
  writeFileSync(join(directory, name), JSON.stringify(content));
  return join(directory, name);
};
write('openid.json', { keys: [{ ...openid.publicKey.export({ format: 'jwk' }), kid: 'o' }] });
write('entra.json', { keys: [{ ...entra.publicKey.export({ format: 'jwk' }), kid: 'e', use: 'sig' }] });
const issuersFile = write('issuers.json', {
  issuers: [
    { kind: 'openid', issuer: ISSUER, algorithms: ['ES384'], keysFile: 'openid.json', objectIds: 'claimed' },
    { kind: 'entra', tenant: TENANT, keysFile: 'entra.json' },
  ],
});
const server = await RunningServer.start({
  STRONGROOM_IDENTITY_EMBEDDED: 'false',
  STRONGROOM_IDENTITY_ISSUERS_FILE: issuersFile,
  STRONGROOM_ACCESS_INITIAL_ADMINISTRATORS: ADMINISTRATOR,
});
test.after.always(async () => {
  await server.remove();
  rmSync(directory, { recursive: true });
});

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const dates = () => ({ iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 600 });
const RESOURCE = `https://managedhsm.localhost:${server.port}`;

function openidToken(sub: string, aud: unknown = RESOURCE): string {
  const input = `${encode({ alg: 'ES384', kid: 'o' })}.${encode({ iss: ISSUER, aud, sub, ...dates() })}`;
  const key = { key: openid.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return `${input}.${sign('sha384', Buffer.from(input), key).toString('base64url')}`;
}

function entraToken(oid: string): string {
  const iss = `https://login.microsoftonline.com/${TENANT}/v2.0`;
  const claims = { iss, aud: 'https://managedhsm.azure.net', tid: TENANT, oid, sub: oid, azp: oid, ...dates() };
  const input = `${encode({ alg: 'RS256', kid: 'e', typ: 'JWT' })}.${encode(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), entra.privateKey).toString('base64url')}`;
}

function ask(token: string | undefined, method: string, path: string, body?: object): Promise<Answer> {
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const headers = { ...authorization, 'content-type': 'application/json' };
  return server.exchange(`${server.url}${path}?${VERSION}`, method, headers, body && JSON.stringify(body));
}

test.serial('the challenge names the first issuer of the file', async (t) => {
  const { status, headers } = await ask(undefined, 'GET', '/keys');
  t.is(status, 401);
  t.is(headers['www-authenticate'], `Bearer authorization="${ISSUER}", resource="${RESOURCE}"`);
});

test.serial('the embedded issuer is not served, and has left no secret in the environment', async (t) => {
  t.deepEqual(
    Object.keys(server.environment).filter((name) => /^(?:AZURE|STRONGROOM)/.test(name)),
    ['STRONGROOM_URL'],
  );
  const host = `login.localhost:${server.port}`;
  const path = '/adfs/v2.0/.well-known/openid-configuration';
  t.is((await server.exchange(`${server.url}${path}`, 'GET', { host })).status, 401);
});

test.serial('an administrator of the one issuer gives a role to a user of the other, who works with it', async (t) => {
  t.is((await ask(entraToken(USER), 'POST', '/keys/theirs/create', { kty: 'EC-HSM', crv: 'P-256' })).status, 403);
  const role = `/providers/Microsoft.Authorization/roleDefinitions/${BUILT_IN_ROLE_IDS.cryptoUser}`;
  const properties = { roleDefinitionId: role, principalId: USER };
  const assignment = `/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
  t.is((await ask(entraToken(USER), 'PUT', assignment, { properties })).status, 403);
  t.is((await ask(openidToken(ADMINISTRATOR), 'PUT', assignment, { properties })).status, 201);
  t.is((await ask(entraToken(USER), 'POST', '/keys/theirs/create', { kty: 'EC-HSM', crv: 'P-256' })).status, 200);
});

test.serial('what is for somebody else, or by the key of the other issuer, is refused', async (t) => {
  const [header, claims] = openidToken(ADMINISTRATOR).split('.');
  const [, , foreign] = entraToken(ADMINISTRATOR).split('.');
  for (const token of [
    openidToken(ADMINISTRATOR, 'https://vault.azure.net'),
    openidToken(ADMINISTRATOR, [RESOURCE, 'account']),
    openidToken('not-a-guid'),
    `${header}.${claims}.${foreign}`,
  ]) {
    t.is((await ask(token, 'GET', '/keys')).status, 401);
  }
});
