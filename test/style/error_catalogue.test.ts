import test from 'ava';
import { ERROR_CATALOGUE } from '../../src/model/errors.ts';
import { projectFile } from './project_files.ts';

const ROW = /^\| `(\w+)` \| (\d{3}) \| (yes|no) \| (.+) \|$/gm;

test('docs/errors.md has every code of the catalogue, as the catalogue has it', (t) => {
  const rows = [...projectFile('docs/errors.md').matchAll(ROW)];
  const documented = rows.map(([, code, status, retryable]) => [
    code,
    { status: Number(status), retryable: retryable === 'yes' },
  ]);
  t.deepEqual(Object.fromEntries(documented), ERROR_CATALOGUE as Record<string, unknown>);
  t.is(new Set(documented.map(([code]) => code)).size, documented.length, 'each code once');
});
