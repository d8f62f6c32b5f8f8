import { hash, X509Certificate } from 'node:crypto';
import test from 'ava';
import { certificateJwk } from '../security_domain/certificate_jwk.ts';
import { newCertificate, newCustodian } from '../security_domain/custodians.ts';
import { TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const QUERY = '?api-version=7.4';
const DOWNLOAD = `/securitydomain/download${QUERY}`;
const custodians = ['anna', 'ben', 'carla'].map((name) => newCustodian(name));
const certificates = custodians.map(({ certificate }) => certificateJwk(certificate));

test.serial('a download answers 202 with the domain as a text, and says where its state is told', async (t) => {
  const { status, json, headers } = await server.post(DOWNLOAD, { certificates, required: 3 });
  t.is(status, 202);
  t.deepEqual(json, { value: '{"the":"domain"}' });
  t.is(headers['retry-after'], '5');
  const asked = server.securityDomain.downloads.at(-1);
  t.is(asked?.required, 3);
  t.deepEqual(
    asked?.custodians.map(({ thumbprint }) => thumbprint),
    custodians.map(({ custodian }) => custodian.thumbprint),
  );
  const where = new URL(String(headers['azure-asyncoperation']));
  t.is(where.pathname, '/securitydomain/download/pending');
  for (const path of [where.pathname, '/securitydomain/upload/pending']) {
    const pending = await server.request(`${path}${QUERY}`);
    t.is(pending.status, 200);
    t.is(pending.json.status, 'Success');
  }
});

test.serial('two are a quorum where nobody says more, and padded thumbprints are taken', async (t) => {
  const padded = certificates.map((each) => ({ ...each, 'x5t#S256': `${each['x5t#S256']}=` }));
  t.is((await server.post(DOWNLOAD, { certificates: padded })).status, 202);
  t.is(server.securityDomain.downloads.at(-1)?.required, 2);
});

const [first, ...others] = certificates as [Record<string, unknown>, ...Record<string, unknown>[]];
const stranger = newCertificate('stranger', 'rsa:2048').certificate;
const BAD: readonly [what: string, body: unknown][] = [
  ['no certificates', {}],
  ['two certificates', { certificates: others }],
  ['eleven certificates', { certificates: Array.from({ length: 11 }, () => first) }],
  ['a quorum of one', { certificates, required: 1 }],
  ['a quorum as a text', { certificates, required: '2' }],
  ['a chain', { certificates: [{ ...first, x5c: [...(first.x5c as string[]), 'AQID'] }, ...others] }],
  ['no certificate in a key', { certificates: [{ ...first, x5c: undefined }, ...others] }],
  ['what is no certificate', { certificates: [{ ...first, x5c: ['AQID'] }, ...others] }],
  ['the thumbprint of another', { certificates: [{ ...first, 'x5t#S256': others[0]?.['x5t#S256'] }, ...others] }],
  ['the modulus of another', { certificates: [{ ...first, n: others[0]?.n }, ...others] }],
  ['a short key', { certificates: [certificateJwk(newCertificate('short', 'rsa:1024').certificate), ...others] }],
];

for (const [what, body] of BAD) {
  test.serial(`${what}: 400, and nothing is taken out`, async (t) => {
    const before = server.securityDomain.downloads.length;
    const { status, json } = await server.post(DOWNLOAD, body as object);
    t.is(status, 400);
    t.is(json.error?.code, 'BadParameter');
    t.is(server.securityDomain.downloads.length, before);
  });
}

test.serial('before the download nothing else is served, and after it everything', async (t) => {
  server.securityDomain.isActive = false;
  server.engine.requests.length = 0;
  for (const path of ['/keys', '/keys/k1', '/settings', '/deletedkeys']) {
    const { status, json } = await server.request(`${path}${QUERY}`);
    t.is(status, 403, path);
    t.is(json.error?.code, 'Forbidden');
    t.is(json.error?.innererror?.code, 'HsmNotActivated');
  }
  t.deepEqual(server.engine.requests, []);
  t.is((await server.request(`/securitydomain/download/pending${QUERY}`)).status, 200);
  t.is((await server.post(DOWNLOAD, { certificates: [certificateJwk(stranger), ...others] })).status, 202);
  t.is((await server.request(`/keys/k1${QUERY}`)).status, 200);
});

interface TransferKeyJwk {
  readonly kty: string;
  readonly n: string;
  readonly e: string;
  readonly x5c: readonly string[];
  readonly 'x5t#S256': string;
}

test.serial(
  'a transfer key is a key with its certificate: an object, and a text for Azure’s command line of before',
  async (t) => {
    const { status, json } = await server.request(`/securitydomain/upload${QUERY}`);
    t.is(status, 200);
    t.is(json.key_format, 'jwk');
    const key = json.transfer_key as TransferKeyJwk;
    const certificate = new X509Certificate(Buffer.from(key.x5c[0] ?? '', 'base64'));
    t.is(key['x5t#S256'], hash('sha256', certificate.raw, 'base64url'));
    const { n, e } = certificate.publicKey.export({ format: 'jwk' });
    t.like(key, { kty: 'RSA', n, e, alg: 'RSA-OAEP-256' });
    t.true(certificate.verify(certificate.publicKey));
    for (const version of ['7.2', '7.2-preview']) {
      const older = await server.request(`/securitydomain/upload?api-version=${version}`);
      t.is(older.status, 200);
      t.deepEqual(JSON.parse(older.json.transfer_key as string), key);
    }
  },
);

test.serial(
  'an upload answers 202, as a text or in base64url, and nothing but its state is told until it has ended',
  async (t) => {
    const file = '{"the":"recovery"}';
    t.is((await server.post(`/securitydomain/upload${QUERY}`, {})).status, 400);
    const encoded = Buffer.from(file).toString('base64url');
    t.is((await server.post(`/securitydomain/upload${QUERY}`, { value: encoded })).status, 202);
    server.domainRecovery.becomes = 'InProgress';
    const { status, json, headers } = await server.post(`/securitydomain/upload${QUERY}`, { value: file });
    t.is(status, 202);
    t.is(json.status, 'InProgress');
    t.deepEqual(server.domainRecovery.uploads, [file, file]);
    const where = new URL(String(headers['azure-asyncoperation']));
    t.is(where.pathname, '/securitydomain/upload/pending');
    server.engine.requests.length = 0;
    for (const path of ['/keys', '/keys/k1', '/securitydomain/upload', '/securitydomain/download/pending']) {
      const refused = await server.request(`${path}${QUERY}`);
      t.is(refused.status, 409, path);
      t.is(refused.json.error?.code, 'Conflict');
      t.regex(refused.json.error?.message ?? '', /User triggered Restore operation is in progress/);
    }
    const storage = { storageResourceUri: 'file:' };
    for (const [method, path, body] of [
      ['PUT', '/restore', { sasTokenParameters: storage, folderToRestore: 'f' }],
      ['PUT', '/prerestore', {}],
      ['PUT', '/keys/k1/restore', { sasTokenParameters: storage, folder: 'f' }],
      ['POST', '/backup', storage],
      ['POST', '/securitydomain/upload', { value: file }],
    ] as const) {
      const refused = await server.send(method, path + QUERY, body);
      t.is(refused.status, 409, path);
      t.like(refused.json.error, { code: 'Conflict', innererror: { code: 'RestoreInProgress' } });
    }
    t.deepEqual(server.backups.asked, []);
    t.is(server.domainRecovery.uploads.length, 2);
    t.deepEqual(server.engine.requests, []);
    for (const [state, told] of [
      ['InProgress', 'InProgress'],
      ['Failed', 'Failed'],
      ['Success', 'Success'],
    ] as const) {
      server.domainRecovery.uploadState = state;
      t.is((await server.request(`${where.pathname}${QUERY}`)).json.status, told);
    }
    t.is((await server.request(`/keys/k1${QUERY}`)).status, 200);
  },
);
