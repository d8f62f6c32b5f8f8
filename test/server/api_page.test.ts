import { readFileSync } from 'node:fs';
import test from 'ava';
import { BATCH_OPERATIONS } from '../../src/server/handlers/batch_operations.ts';
import { ROUTES } from '../../src/server/routes.ts';

const PAGE = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
const ROW = /^\| `(GET|POST|PUT|PATCH|DELETE) (\/[^`]*)` \| (.*) \|$/gm;
const PREFIX = 'Microsoft.KeyVault/managedHsm';

interface PageRow {
  readonly method: string;
  readonly path: string;
  readonly rest: string;
}

/** A version in brackets stands for the path with it and the one without. */
const rows: readonly PageRow[] = [...PAGE.matchAll(ROW)].flatMap(([, method = '', path = '', rest = '']) => {
  const full = path.replace('[/{version}]', '/{version}');
  const short = path.replace('[/{version}]', '');
  return [...new Set([full, short])].map((each) => ({ method, path: each, rest }));
});

/** Paths that begin with a scope are on the page once. */
const written = (path: string) =>
  path
    .replaceAll(/:(\w+)/g, (_, name) => `{${name === 'setting' ? 'name' : name}}`)
    .replace(/^(?:\/keys(?:\/\{name\})?)?\/providers/, '/{scope}/providers');

test('docs/api.md has every route with its data action, and no other', (t) => {
  const everyPath = ROUTES.flatMap(({ method, paths, dataAction }) =>
    // Operations with a key are on the page with their version, and without by the sentence above their table.
    paths
      .map(written)
      .filter((path) => !(paths.length > 1 && method === 'POST' && !path.includes('{version}')))
      .map((path) => ({ method, path, dataAction })),
  );
  const served = [...new Map(everyPath.map((each) => [`${each.method} ${each.path}`, each])).values()];
  for (const { method, path, dataAction } of served) {
    const row = rows.find((each) => each.method === method && each.path === path);
    t.truthy(row, `${method} ${path}`);
    if (typeof dataAction === 'string') t.true(row?.rest.includes(`\`${dataAction.slice(PREFIX.length)}\``), path);
  }
  t.is(rows.length, served.length);
});

test('docs/api.md has every operation of a batch with its data action', (t) => {
  for (const { operation, dataAction } of BATCH_OPERATIONS.values()) {
    const row = PAGE.split('\n').find((line) => line.startsWith(`| \`${operation}\` |`));
    t.true(row?.endsWith(`| \`${dataAction.slice(PREFIX.length)}\` |`), operation);
  }
});

test('docs/api.md tells of scopes that are not the key’s', (t) => {
  const scopesOf = Map.groupBy(ROUTES, ({ method, paths }) => `${method} ${written(paths[0] ?? '')}`);
  for (const [request, routes] of scopesOf) {
    const row = rows.find(({ method, path }) => `${method} ${path}` === request);
    const [{ scope } = { scope: 'key' }, other] = routes;
    if (other !== undefined) t.true(row?.rest.endsWith('at the scope'), request);
    else if (scope !== 'key') t.true(row?.rest.endsWith(scope === 'keys' ? 'at `/keys`' : 'at `/`'), request);
  }
});
