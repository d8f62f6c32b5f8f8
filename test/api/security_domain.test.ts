import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseDomainFile } from '../../src/security_domain/domain_format.ts';
import { openDomain } from '../../src/security_domain/security_domain.ts';
import { certificateJwk } from '../security_domain/certificate_jwk.ts';
import { newCustodian } from '../security_domain/custodians.ts';
import { RunningServer } from './running_server.ts';

const people = ['anna', 'ben', 'carla'].map((name) => newCustodian(name));
const certificates = people.map(({ certificate }) => certificateJwk(certificate));

test('a pool that waits for its ceremony serves nothing else, is active after it, and stays so', async (t) => {
  const server = await RunningServer.start({ STRONGROOM_SECURITY_DOMAIN_AUTO_ACTIVATE: 'false' });
  t.teardown(() => server.remove());
  const create = (): Promise<{ status: number; json: { error?: { innererror?: { code: string } } } }> =>
    server.post('/keys/k1/create', { kty: 'EC', crv: 'P-256' });
  const early = await create();
  t.is(early.status, 403);
  t.is(early.json.error?.innererror?.code, 'HsmNotActivated');

  const { status, json, headers } = await server.post('/securitydomain/download', { certificates, required: 2 });
  t.is(status, 202);
  const pending = await server.get(new URL(String(headers['azure-asyncoperation'])).pathname);
  t.is(pending.json.status, 'Success');
  const items = await openDomain(
    parseDomainFile(String(json.value)),
    people.slice(0, 2).map(({ key }) => key),
  );
  t.deepEqual(
    items.map(({ tag }) => tag),
    ['hsm_backup'],
  );
  t.is((await create()).status, 200);
  await server.stop();
  await server.restart();
  t.is((await create()).status, 200);
  t.false(existsSync(join(server.dataDir, 'security_domain', 'domain.json')), 'nobody made custodians by themselves');
});

test('a development start activates itself, says so, and does it once', async (t) => {
  const server = await RunningServer.start();
  t.teardown(() => server.remove());
  t.is((await server.post('/keys/k1/create', { kty: 'EC', crv: 'P-256' })).status, 200);
  await server.stop();
  t.regex(server.output, /the pool activated itself for development/);
  const domain = join(server.dataDir, 'security_domain', 'domain.json');
  const before = readFileSync(domain, 'utf8');
  t.is(parseDomainFile(before).SharedKeys.required, 2);
  await server.restart();
  await server.stop();
  t.is(readFileSync(domain, 'utf8'), before);
});
