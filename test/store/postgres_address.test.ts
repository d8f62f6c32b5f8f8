import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { postgresAddress } from '../../src/store/postgres_address.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-address-'));
test.after.always(() => rmSync(directory, { recursive: true }));

test('an address has host, port, user and database, each of them decoded', (t) => {
  t.deepEqual(postgresAddress('postgres://key%20keeper@127.0.0.1:6432/strong%20room'), {
    host: '127.0.0.1',
    port: 6432,
    user: 'key keeper',
    database: 'strong room',
    ssl: false,
  });
  t.like(postgresAddress('postgresql://localhost/keys'), { host: 'localhost', port: 5432, user: undefined });
  t.like(postgresAddress('postgres://[::1]/keys'), { host: '::1', ssl: false });
  t.like(postgresAddress('postgres://%2Frun%2Fpostgresql/keys'), { host: '/run/postgresql', ssl: false });
});

test('what leaves the machine is encrypted and the server checked, unless the address says otherwise', (t) => {
  const checked = { rejectUnauthorized: true };
  t.deepEqual(postgresAddress('postgres://db.example/keys').ssl, checked);
  for (const mode of ['require', 'verify-ca', 'verify-full']) {
    t.deepEqual(postgresAddress(`postgres://db.example/keys?sslmode=${mode}`).ssl, checked, mode);
    t.deepEqual(postgresAddress(`postgres://localhost/keys?sslmode=${mode}`).ssl, checked, mode);
  }
  t.is(postgresAddress('postgres://db.example/keys?sslmode=disable').ssl, false);
});

test('the authority of the database’s certificate can be named', (t) => {
  const path = join(directory, 'authority.pem');
  writeFileSync(path, 'a certificate');
  const url = `postgres://db.example/keys?sslrootcert=${encodeURIComponent(path)}`;
  t.deepEqual(postgresAddress(url).ssl, { rejectUnauthorized: true, ca: 'a certificate' });
});

for (const [what, url] of [
  ['another protocol', 'mysql://db.example/keys'],
  ['no address at all', 'db.example:secret'],
  ['no database', 'postgres://db.example'],
  ['an empty database', 'postgres://db.example/'],
  ['a path of two parts', 'postgres://db.example/keys/more'],
  ['a password', 'postgres://keeper:secret@db.example/keys'],
  ['a password among the parameters', 'postgres://db.example/keys?password=secret'],
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
