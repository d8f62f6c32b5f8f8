import test from 'ava';
import { textFor } from '../../src/store/postgres_migration.ts';
import { projectFiles } from '../style/project_files.ts';

const TEXTS = projectFiles(['src/store/postgres_*.ts', 'src/store/migrations/postgres/*.sql']);

/** What PostgreSQL has and CockroachDB or YugabyteDB has not, or not in the same way. */
const NOT_EVERYWHERE =
  /\bpg_(?:try_)?advisory|\bLISTEN\b|\bNOTIFY\b|\bSKIP LOCKED\b|\bSERIAL\b|\bSEQUENCE\b|\bnextval\b|\bLOCK TABLE\b|\bxmin\b|\bctid\b|\bJSONB?\b(?=\s+NOT NULL|,)/;

test('the SQL has nothing in it that PostgreSQL alone knows', (t) => {
  t.true(TEXTS.length > 10);
  t.deepEqual(
    TEXTS.filter(({ text }) => NOT_EVERYWHERE.test(text)).map(({ path }) => path),
    [],
  );
});

test('texts are compared by their bytes, in the words of a database that needs to be told so', (t) => {
  const column = 'name TEXT COLLATE "C" NOT NULL';
  t.is(textFor('PostgreSQL 15.18 (Debian 15.18-0+deb12u1)', column), column);
  t.is(textFor('CockroachDB CCL v25.4.1 (x86_64-pc-linux-gnu)', column), 'name TEXT NOT NULL');
});
