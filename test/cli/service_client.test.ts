import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ServiceClient } from '../../src/cli/service_client.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import { freePort } from '../fixtures/free_port.ts';
import { LOGIN_HOST, POOL_HOST, TestServer } from '../server/test_server.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-client-'));
const server = await TestServer.open();
test.after.always(async () => {
  await server.server.close();
  rmSync(directory, { recursive: true });
});

const authority = join(directory, 'authority.pem');
writeFileSync(authority, server.authority);

function environment(): Record<string, string> {
  return {
    STRONGROOM_URL: `https://${POOL_HOST}:${server.port}`,
    AZURE_TENANT_ID: 'adfs',
    AZURE_CLIENT_ID: server.clientId,
    AZURE_CLIENT_SECRET: server.secret,
    AZURE_AUTHORITY_HOST: `https://${LOGIN_HOST}:${server.port}`,
    NODE_EXTRA_CA_CERTS: authority,
  };
}

let made = 0;
function dataDirectoryWith(variables: Record<string, string>): string {
  const path = join(directory, String(++made));
  mkdirSync(path, { mode: 0o700 });
  writeFileSync(join(path, 'environment.json'), JSON.stringify(variables), { mode: 0o600 });
  return path;
}

test('a server on this machine is asked with what its data directory has', async (t) => {
  const client = await ServiceClient.open({ dataDir: dataDirectoryWith(environment()) });
  const { status, json } = await client.askPool('GET', '/keys/k1');
  t.is(status, 200);
  t.like(json, { key: { kid: `https://${POOL_HOST}:${server.port}/keys/k1/0123456789abcdef0123456789abcdef` } });
  const created = await client.askPool('POST', '/keys/k2/create', { kty: 'EC-HSM', crv: 'P-256' });
  t.is(created.status, 200);
});

test('what the server refuses is told in its words, with its code', async (t) => {
  const client = await ServiceClient.open({ dataDir: dataDirectoryWith(environment()) });
  const refused = await t.throwsAsync(client.askPool('GET', '/nothing?x=1'), { name: 'ServiceRefusal' });
  t.like(refused, { status: 404, code: 'NotFound' });
  const wrong = { ...environment(), AZURE_CLIENT_SECRET: 'wrong' };
  const stranger = await ServiceClient.open({ dataDir: dataDirectoryWith(wrong) });
  const denied = await t.throwsAsync(stranger.askPool('GET', '/keys/k1'), { message: /^AADSTS7000215: / });
  t.like(denied, { status: 401, code: 'invalid_client' });
});

test('a server that is not there, or not the one that is trusted, cannot be asked', async (t) => {
  const elsewhere = { ...environment(), AZURE_AUTHORITY_HOST: `https://localhost:${await freePort()}` };
  const { NODE_EXTRA_CA_CERTS: _, ...untrusting } = environment();
  for (const variables of [elsewhere, untrusting]) {
    const client = await ServiceClient.open({ dataDir: dataDirectoryWith(variables) });
    const error = await t.throwsAsync(client.askPool('GET', '/keys/k1'), { instanceOf: StrongroomError });
    t.is(error.code, 'ServiceUnavailable');
  }
});

const WRONG: readonly [what: string, change: Record<string, string>, path: string][] = [
  ['without a secret', { AZURE_CLIENT_SECRET: '' }, 'AZURE_CLIENT_SECRET'],
  ['without encryption', { STRONGROOM_URL: 'http://demo.managedhsm.localhost' }, 'STRONGROOM_URL'],
  ['with an authority that is no URL', { AZURE_AUTHORITY_HOST: 'login.localhost' }, 'AZURE_AUTHORITY_HOST'],
  ['with certificates that are not there', { NODE_EXTRA_CA_CERTS: '/nowhere' }, 'NODE_EXTRA_CA_CERTS'],
];

for (const [what, change, path] of WRONG) {
  test(`an environment ${what} is refused by the name of the variable`, async (t) => {
    const opened = ServiceClient.open({ dataDir: dataDirectoryWith({ ...environment(), ...change }) });
    const error = await t.throwsAsync(opened, { name: 'ConfigurationError' });
    t.deepEqual(
      (error as unknown as { problems: { path: string }[] }).problems.map((each) => each.path),
      [path],
    );
  });
}
