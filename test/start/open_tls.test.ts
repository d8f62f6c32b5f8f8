import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type OpenedTls, openLocalTls, readOwnTls } from '../../src/start/open_tls.ts';

const NAMES = [
  'demo.managedhsm.localhost',
  '*.managedhsm.localhost',
  'login.localhost',
  'localhost',
  '127.0.0.1',
  '::1',
];
const DAY_MS = 24 * 60 * 60 * 1000;
const directories: string[] = [];
test.after.always(() => {
  for (const path of directories) rmSync(path, { recursive: true });
});

function newDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'strongroom-tls-'));
  directories.push(path);
  return path;
}

const authorityOf = (tls: OpenedTls) => readFileSync(tls.trust?.authority ?? '', 'utf8');

function verify(directory: string, tls: OpenedTls, option: string, value: string): string {
  const leaf = join(directory, 'leaf.pem');
  writeFileSync(leaf, tls.identity.certificate);
  return execFileSync(
    'openssl',
    ['verify', '-x509_strict', '-CAfile', tls.trust?.authority ?? '', option, value, leaf],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
}

test('openssl accepts the certificate strictly, for all its names and no others', async (t) => {
  const directory = newDirectory();
  const tls = await openLocalTls(directory, NAMES, new Date());
  for (const name of ['demo.managedhsm.localhost', 'other.managedhsm.localhost', 'login.localhost', 'localhost']) {
    t.regex(verify(directory, tls, '-verify_hostname', name), /OK/);
  }
  for (const address of ['127.0.0.1', '::1']) t.regex(verify(directory, tls, '-verify_ip', address), /OK/);
  t.throws(() => verify(directory, tls, '-verify_hostname', 'example.org'));
});

test('the server certificate is RSA-2048 and already valid for clocks that are late', async (t) => {
  const now = new Date();
  const { identity } = await openLocalTls(newDirectory(), NAMES, now);
  const certificate = new X509Certificate(identity.certificate);
  t.is(certificate.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
  t.true(Date.parse(certificate.validFrom) <= now.getTime() - DAY_MS + 1000);
  t.true(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom) <= 398 * DAY_MS);
});

test('the authority may not speak for the names of others', async (t) => {
  const directory = newDirectory();
  const { newAuthority, issueServerCertificate } = await import('../../src/server/tls/local_authority.ts');
  const now = new Date();
  const authority = await newAuthority('test', NAMES, now);
  const stolen = await issueServerCertificate(authority, ['bank.example'], now);
  const trust = { authority: join(directory, 'authority.pem'), bundle: '' };
  writeFileSync(trust.authority, authority.certificate);
  const error = t.throws(() => verify(directory, { identity: stolen, trust }, '-verify_hostname', 'bank.example'));
  t.regex(String((error as Error & { stderr?: string }).stderr), /permitted subtree violation/);
});

test('keys are for their owner alone', async (t) => {
  const directory = newDirectory();
  await openLocalTls(directory, NAMES, new Date());
  for (const name of ['server.pem', 'authority_key.pem']) t.is(statSync(join(directory, name)).mode & 0o777, 0o600);
});

test('a certificate is kept as long as it is good', async (t) => {
  const directory = newDirectory();
  const first = await openLocalTls(directory, NAMES, new Date());
  const second = await openLocalTls(directory, NAMES, new Date());
  t.deepEqual(second, first);
});

test('a certificate about to expire is renewed by the same authority', async (t) => {
  const directory = newDirectory();
  const first = await openLocalTls(directory, NAMES, new Date());
  const authority = authorityOf(first);
  const second = await openLocalTls(directory, NAMES, new Date(Date.now() + 370 * DAY_MS));
  t.not(second.identity.certificate, first.identity.certificate);
  t.is(authorityOf(second), authority);
});

test('other names get another authority, for it may speak for its own alone', async (t) => {
  const directory = newDirectory();
  const first = await openLocalTls(directory, NAMES, new Date());
  const authority = authorityOf(first);
  const second = await openLocalTls(directory, [...NAMES, 'hsm.example.org'], new Date());
  t.not(authorityOf(second), authority);
  t.regex(verify(directory, second, '-verify_hostname', 'hsm.example.org'), /OK/);
});

test('an authority without its own key is replaced', async (t) => {
  const directory = newDirectory();
  const first = await openLocalTls(directory, NAMES, new Date());
  const authority = authorityOf(first);
  rmSync(join(directory, 'authority_key.pem'));
  const later = new Date(Date.now() + 370 * DAY_MS);
  t.not(authorityOf(await openLocalTls(directory, NAMES, later)), authority);
});

test('the bundle has the authorities of the system and ours', async (t) => {
  const { trust } = await openLocalTls(newDirectory(), NAMES, new Date());
  const bundle = readFileSync(trust?.bundle ?? '', 'utf8');
  t.true(bundle.endsWith(readFileSync(trust?.authority ?? '', 'utf8')));
  t.true((bundle.match(/BEGIN CERTIFICATE/g) ?? []).length > 10);
});

test("an operator's certificate is taken with its key and refused with another", async (t) => {
  const directory = newDirectory();
  const mine = (await openLocalTls(directory, NAMES, new Date())).identity;
  const other = (await openLocalTls(newDirectory(), NAMES, new Date())).identity;
  const path = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const certificate = path('c.pem', mine.certificate);
  const opened = await readOwnTls(certificate, path('k.pem', mine.key));
  t.deepEqual(opened, { identity: mine, trust: undefined });
  await t.throwsAsync(readOwnTls(certificate, path('o.pem', other.key)), {
    message: /^tls\.key: .* is not the private key/,
  });
  await t.throwsAsync(readOwnTls(certificate, path('x.pem', 'x')), { message: /^tls\.key: / });
  await t.throwsAsync(readOwnTls(join(directory, 'none.pem'), certificate), { message: /^tls\.certificate: .*ENOENT/ });
});
