import { createHash, X509Certificate } from 'node:crypto';
import { type RequestOptions, request } from 'node:https';
import type { ConnectionOptions, SecureVersion, TLSSocket } from 'node:tls';
import test from 'ava';
import { issueServerCertificate, newAuthority } from '../../src/server/tls/local_authority.ts';
import { goodToken, issuer } from '../identity/token_fixture.ts';
import { ClientAuthority, type ClientCertificate } from './client_certificates.ts';
import { LOGIN_HOST, POOL_HOST, TENANT, TestServer } from './test_server.ts';

const authority = new ClientAuthority('clients');
const stranger = new ClientAuthority('strangers');
const server = await TestServer.open(undefined, { clientAuthorities: authority.certificate }, [issuer]);
const open = await TestServer.open(undefined, {}, [issuer]);
const serverCertificate = await ownServerCertificate();
test.after.always(async () => {
  await Promise.all([server.server.close(), open.server.close()]);
  authority.remove();
  stranger.remove();
});

const client = authority.issue();
const otherClient = authority.issue();
const thumbprintOf = ({ cert }: ClientCertificate): string =>
  createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url');

interface Asked {
  readonly certificate?: ClientCertificate | undefined;
  readonly token?: string;
  readonly path?: string;
  readonly host?: string;
  readonly servername?: string;
  readonly session?: Buffer | undefined;
  readonly version?: SecureVersion;
  readonly of?: TestServer;
}

interface Answer {
  readonly status: number;
  readonly challenge: string | undefined;
  readonly text: string;
  /** To go on with in another connection. */
  readonly session: Buffer | undefined;
  readonly isResumed: boolean;
}

function ask(asked: Asked): Promise<Answer> {
  const { certificate, token, path = '/keys/k1?api-version=7.5', of = server, version } = asked;
  const { servername = POOL_HOST, host = `${POOL_HOST}:${of.port}`, session } = asked;
  return new Promise((resolve, reject) => {
    let latest: Buffer | undefined;
    const options: RequestOptions & Pick<ConnectionOptions, 'session'> = {
      host: '127.0.0.1',
      port: of.port,
      servername,
      ca: of.authority,
      ...certificate,
      session,
      path,
      agent: false,
      headers: { host, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
    };
    const outgoing = request(options, (incoming) => {
      const isResumed = (incoming.socket as TLSSocket).isSessionReused();
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          challenge: incoming.headers['www-authenticate'],
          text: Buffer.concat(chunks).toString('utf8'),
          session: latest,
          isResumed,
        }),
      );
    });
    outgoing.on('socket', (socket) =>
      socket.on('session', (each: Buffer) => {
        latest = each;
      }),
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function ownServerCertificate(): Promise<ClientCertificate> {
  const local = await newAuthority('local', [POOL_HOST], new Date());
  const { certificate, key } = await issueServerCertificate(local, [POOL_HOST], new Date());
  return { cert: certificate, key };
}

/** Known, and without a role: as far as the certificate goes, it has passed. */
const PASSED = 403;
const isRefused = ({ status, text }: Answer): boolean => status === 403 && text.includes('ClientCertificateRequired');

test('a client that shows a certificate of the authority is asked for a token, and then for its roles', async (t) => {
  const probe = await ask({ certificate: client });
  t.is(probe.status, 401);
  t.regex(probe.challenge ?? '', /^Bearer authorization=/);
  const answer = await ask({ certificate: client, token: goodToken() });
  t.is(answer.status, PASSED);
  t.false(isRefused(answer));
});

const REFUSED: readonly [what: string, certificate: ClientCertificate | undefined][] = [
  ['no certificate', undefined],
  ['a certificate of another authority', stranger.issue()],
  ['a certificate that has ended', authority.issue('clientAuth', -1)],
  ['a certificate for servers', authority.issue('serverAuth')],
  ["the server's own kind of certificate", serverCertificate],
];

for (const [what, certificate] of REFUSED) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`refused over ${version}: ${what}, resumed or not, with a good token or none`, async (t) => {
      const probe = await ask({ certificate, version });
      t.true(isRefused(probe));
      t.is(probe.challenge, undefined);
      t.true(isRefused(await ask({ certificate, version, token: goodToken() })));
      const resumed = await ask({ certificate, version, token: goodToken(), session: probe.session });
      t.true(resumed.isResumed);
      t.true(isRefused(resumed));
    });
  }
}

test('a session that is resumed keeps the certificate that it was begun with', async (t) => {
  const token = goodToken({ cnf: { 'x5t#S256': thumbprintOf(client) } });
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { session } = await ask({ certificate: client, version });
    const resumed = await ask({ version, token, session });
    t.true(resumed.isResumed);
    t.is(resumed.status, PASSED);
    t.false(isRefused(resumed));
  }
});

test('the embedded issuer is reached without a certificate, and opens no way to the HSM', async (t) => {
  const login = `${LOGIN_HOST}:${server.port}`;
  const path = `/${TENANT}/v2.0/.well-known/openid-configuration`;
  t.is((await ask({ servername: LOGIN_HOST, host: login, path })).status, 200);
  t.is((await ask({ host: login, path })).status, 200);
  const begun = await ask({ servername: LOGIN_HOST, host: login, path });
  const token = goodToken();
  t.true(isRefused(await ask({ servername: LOGIN_HOST, token })));
  t.true(isRefused(await ask({ servername: LOGIN_HOST, token, session: begun.session })));
  t.true(isRefused(await ask({ host: 'unknown.example', token })));
});

test('whether the server is ready is told to everybody', async (t) => {
  t.is((await ask({ path: '/health/ready' })).status, 200);
});

test('a new certificate of the server leaves its clients what they were', async (t) => {
  const local = await newAuthority('test', [POOL_HOST], new Date());
  const renewed = await TestServer.open(undefined, { clientAuthorities: authority.certificate }, [issuer]);
  t.teardown(() => renewed.server.close());
  renewed.server.replaceTlsIdentity(await issueServerCertificate(local, [POOL_HOST], new Date()));
  const of = { port: renewed.port, authority: local.certificate } as TestServer;
  t.is((await ask({ of, certificate: client })).status, 401);
  t.true(isRefused(await ask({ of })));
  t.true(isRefused(await ask({ of, certificate: stranger.issue() })));
});

test('a token that is bound to a certificate is good for its holder alone, seen before or not', async (t) => {
  const token = goodToken({ cnf: { 'x5t#S256': thumbprintOf(client) } });
  for (let time = 0; time < 2; time++) {
    t.is((await ask({ token, certificate: client })).status, PASSED);
    t.is((await ask({ token, certificate: otherClient })).status, 401);
  }
  t.is((await ask({ token, certificate: client, of: open })).status, 401);
});

const BOUND: readonly [what: string, cnf: unknown][] = [
  ['a key of its own', { jkt: 'AAAA' }],
  ['a key and a certificate', { jkt: 'AAAA', 'x5t#S256': thumbprintOf(client) }],
  ['nothing', {}],
  ['null', null],
  ['a text', thumbprintOf(client)],
  ['a list', [thumbprintOf(client)]],
  ['a certificate by SHA-1', { x5t: 'AAAA' }],
  ['a thumbprint that is none', { 'x5t#S256': '' }],
  ['a thumbprint that is no text', { 'x5t#S256': 5 }],
  ['a thumbprint in hexadecimal', { 'x5t#S256': Buffer.from(thumbprintOf(client), 'base64url').toString('hex') }],
];

for (const [what, cnf] of BOUND) {
  test(`a token that is bound to ${what} is refused`, async (t) => {
    t.is((await ask({ token: goodToken({ cnf }), certificate: client })).status, 401);
  });
}

test.serial('what is refused for want of a certificate is on record', async (t) => {
  const before = server.audit.events.length;
  await ask({});
  t.is(server.audit.events.length, before + 1);
});
