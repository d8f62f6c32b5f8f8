import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { nameOfHost, type PostgresHost, postgresAddress } from '../../src/store/postgres_address.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-address-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const onlyHost = (url: string): PostgresHost | undefined => {
  const { hosts } = postgresAddress(url);
  return hosts.length === 1 ? hosts[0] : undefined;
};

test('an address has host, port, user and database, each of them decoded', (t) => {
  t.deepEqual(postgresAddress('postgres://key%20keeper@127.0.0.1:6432/strong%20room'), {
    hosts: [{ host: '127.0.0.1', port: 6432, ssl: false }],
    user: 'key keeper',
    database: 'strong room',
  });
  t.is(postgresAddress('postgresql://localhost/keys').user, undefined);
  t.like(onlyHost('postgresql://localhost/keys'), { host: 'localhost', port: 5432 });
  t.like(onlyHost('postgres://[::1]/keys'), { host: '::1', ssl: false });
  t.like(onlyHost('postgres://%2Frun%2Fpostgresql/keys'), { host: '/run/postgresql', ssl: false });
});

test('an address can have several hosts, each with a port of its own or the usual one', (t) => {
  const hostsOf = (url: string): unknown => postgresAddress(url).hosts.map(nameOfHost);
  t.deepEqual(hostsOf('postgres://user@a.example:5433,b.example,[::1]:6432/keys'), [
    'a.example:5433',
    'b.example:5432',
    '[::1]:6432',
  ]);
  t.deepEqual(hostsOf('postgres://%2Frun%2Fa,%2Frun%2Fb:5433/keys?target_session_attrs=read-write'), [
    '/run/a:5432',
    '/run/b:5433',
  ]);
  t.like(postgresAddress('postgres://user@a.example,b.example/keys'), { user: 'user', database: 'keys' });
});

test('what leaves the machine is encrypted and the server checked, unless the address says otherwise', (t) => {
  const checked = { rejectUnauthorized: true };
  t.deepEqual(onlyHost('postgres://db.example/keys')?.ssl, checked);
  for (const mode of ['require', 'verify-ca', 'verify-full']) {
    t.deepEqual(onlyHost(`postgres://db.example/keys?sslmode=${mode}`)?.ssl, checked, mode);
    t.deepEqual(onlyHost(`postgres://localhost/keys?sslmode=${mode}`)?.ssl, checked, mode);
  }
  t.is(onlyHost('postgres://db.example/keys?sslmode=disable')?.ssl, false);
  const ofEach = postgresAddress('postgres://localhost,db.example/keys').hosts.map(({ ssl }) => ssl);
  t.deepEqual(ofEach, [false, checked]);
});

test('the authority of the database’s certificate can be named', (t) => {
  const path = join(directory, 'authority.pem');
  writeFileSync(path, 'a certificate');
  const url = `postgres://db.example/keys?sslrootcert=${encodeURIComponent(path)}`;
  t.deepEqual(onlyHost(url)?.ssl, { rejectUnauthorized: true, ca: 'a certificate' });
});

for (const [what, url] of [
  ['another protocol', 'mysql://db.example/keys'],
  ['no address at all', 'db.example:secret'],
  ['no database', 'postgres://db.example'],
  ['an empty database', 'postgres://db.example/'],
  ['a path of two parts', 'postgres://db.example/keys/more'],
  ['a password', 'postgres://keeper:secret@db.example/keys'],
  ['a password among the parameters', 'postgres://db.example/keys?password=secret'],
  ['a password before several hosts', 'postgres://keeper:secret@a.example,b.example/keys'],
  ['nothing between two commas', 'postgres://a.example,,b.example/keys'],
  ['a comma at the end', 'postgres://a.example,/keys'],
  ['a port that is none', 'postgres://a.example:5432,b.example:secret/keys'],
  ['one host twice', 'postgres://a.example,a.example:5432/keys'],
  ['more hosts than there can be', `postgres://${Array.from({ length: 9 }, (_, place) => `h${place}`).join()}/keys`],
  ['a wish for a standby', 'postgres://a.example,b.example/keys?target_session_attrs=prefer-standby'],
  ['a parameter of the session', 'postgres://db.example/keys?statement_timeout=0'],
  ['encryption without a look at the server', 'postgres://db.example/keys?sslmode=no-verify'],
  ['encryption perhaps', 'postgres://db.example/keys?sslmode=prefer'],
  ['an authority that is not there', `postgres://db.example/keys?sslrootcert=${encodeURIComponent(directory)}%2Fnone`],
] as const) {
  test(`an address with ${what} is refused, and no password repeated`, (t) => {
    const error = t.throws(() => postgresAddress(url), { instanceOf: StrongroomError, code: 'BadParameter' });
    t.false(error.message.includes('secret'));
  });
}
