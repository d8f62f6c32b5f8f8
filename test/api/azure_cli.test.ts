import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { testWithPython } from '../fixtures/debian_python.ts';
import { newCertificate } from '../security_domain/custodians.ts';
import { AzureCli } from './azure_cli.ts';
import { WAITS } from './domain_source.ts';
import { RunningServer } from './running_server.ts';

const DIGEST = Buffer.alloc(32, 9).toString('base64url');
const PEOPLE = ['anna', 'ben', 'carla'];

const testWithCli = testWithPython('azure.cli.command_modules.keyvault');

testWithCli("the whole ceremony of a security domain goes by Azure's CLI: from one HSM into another", async (t) => {
  t.timeout(300_000);
  const custodians = PEOPLE.map((name) => ({ name, ...newCertificate(name, 'rsa:2048') }));
  const former = await RunningServer.start(WAITS);
  t.teardown(() => former.remove());
  const cli = await AzureCli.signIn(former);
  t.teardown(() => cli.remove());
  for (const { name, certificate, privateKey } of custodians) {
    cli.write(`${name}.cer`, certificate.toString());
    cli.write(`${name}.key`, privateKey);
  }
  await t.throwsAsync(cli.hsm('key create', '--name', 'early', '--kty', 'EC-HSM', '--curve', 'P-256'), {
    message: /HsmNotActivated|not activated/,
  });
  const certificates = PEOPLE.map((name) => `${name}.cer`);
  const wanted = ['--sd-quorum', '2', '--security-domain-file', 'domain.json'];
  const downloaded = await cli.hsm('security-domain download', '--sd-wrapping-keys', ...certificates, ...wanted);
  t.like(downloaded, { status: 'Success' });

  await cli.hsm('key create', '--name', 'orders', '--kty', 'RSA-HSM', '--size', '2048');
  const text = ['--algorithm', 'RSA-OAEP-256', '--data-type', 'base64'];
  const value = Buffer.from('a key of somebody').toString('base64');
  const sealed = (await cli.hsm('key encrypt', '--name', 'orders', ...text, '--value', value)) as { result: string };
  const opened = await cli.hsm('key decrypt', '--name', 'orders', ...text, '--value', sealed.result);
  t.like(opened, { result: value });
  const random = (await cli.hsm('key random', '--count', '24')) as { value: string };
  t.is(Buffer.from(random.value, 'base64').length, 24);

  await former.post('/keys/invoices/create', { kty: 'EC-HSM', crv: 'P-256' });
  const signed = await former.post('/keys/invoices/sign', { alg: 'ES256', value: DIGEST });
  const backup = await former.post('/keys/invoices/backup', {});
  await former.remove();

  const next = await RunningServer.start(WAITS);
  t.teardown(() => next.remove());
  const other = await AzureCli.signIn(next);
  t.teardown(() => other.remove());
  other.write('domain.json', readFileSync(join(cli.directory, 'domain.json'), 'utf8'));
  for (const { name, certificate, privateKey } of custodians.slice(1)) {
    other.write(`${name}.cer`, certificate.toString());
    other.write(`${name}.key`, privateKey);
  }
  await other.hsm('security-domain init-recovery', '--sd-exchange-key', 'exchange.cer');
  const quorum = ['--sd-exchange-key', 'exchange.cer', '--sd-wrapping-keys', 'ben.key', 'carla.key'];
  const uploaded = await other.hsm('security-domain upload', '--sd-file', 'domain.json', ...quorum);
  t.like(uploaded, { status: 'Success' });
  t.is((await next.post('/keys/restore', { value: backup.json.value })).status, 200);
  const checked = { alg: 'ES256', digest: DIGEST, value: signed.json.value };
  t.true((await next.post('/keys/invoices/verify', checked)).json.value, 'it is of the same domain');
});
