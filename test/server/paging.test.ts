import test from 'ava';
import { VERSION } from './fake_engine.ts';
import { POOL_HOST, type Reply, TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const NAMES = Array.from({ length: 60 }, (_, index) => `key-${String(index).padStart(2, '0')}`);
const VERSIONS = NAMES.map((_, index) => index.toString(16).padStart(32, '0'));
const QUERY = 'api-version=2025-07-01';
const origin = () => `https://${POOL_HOST}:${server.port}`;

interface Item {
  readonly kid: string;
  readonly recoveryId?: string;
}

const itemsOf = ({ json }: Reply) => json.value as Item[];

const LISTS: readonly [path: string, marks: readonly string[], kid: (mark: string) => string][] = [
  ['/keys', NAMES, (name) => `${origin()}/keys/${name}`],
  ['/deletedkeys', NAMES, (name) => `${origin()}/keys/${name}`],
  ['/keys/k1/versions', VERSIONS, (version) => `${origin()}/keys/k1/${version}`],
];

for (const [path, marks, kid] of LISTS) {
  test.serial(`${path} goes on at the nextLink until everything has been listed once`, async (t) => {
    server.engine.listed = marks;
    const seen: string[] = [];
    const sizes: number[] = [];
    let url: string | null = `${path}?${QUERY}`;
    while (url !== null) {
      const reply: Reply = await server.request(url);
      t.is(reply.status, 200);
      const items = itemsOf(reply);
      sizes.push(items.length);
      seen.push(...items.map((item) => item.kid));
      const next = reply.json.nextLink as string | null;
      if (next !== null) {
        t.true(next.startsWith(`${origin()}${path}?${QUERY}&$skiptoken=`));
        t.true(next.endsWith('&maxresults=25'));
      }
      url = next === null ? null : next.slice(origin().length);
    }
    t.deepEqual(sizes, [25, 25, 10]);
    t.deepEqual(seen, marks.map(kid));
  });

  test.serial(`${path} with nothing to list is an empty list`, async (t) => {
    server.engine.listed = [];
    t.deepEqual((await server.request(`${path}?${QUERY}`)).json, { value: [], nextLink: null });
  });

  test.serial(`${path} keeps to maxresults, which its nextLink repeats`, async (t) => {
    server.engine.listed = marks;
    const reply = await server.request(`${path}?${QUERY}&maxresults=1`);
    t.is(itemsOf(reply).length, 1);
    t.regex(String(reply.json.nextLink), /&maxresults=1$/);
  });
}

test.serial('items have attributes and tags, deleted ones what their delete said as well', async (t) => {
  server.engine.listed = ['k1'];
  server.engine.shown = { tags: { a: 'b' } };
  t.teardown(() => {
    server.engine.shown = {};
  });
  const attributes = {
    enabled: true,
    exp: 2_000_000_000,
    created: 1_700_000_000,
    updated: 1_700_000_000,
    recoverableDays: 90,
    recoveryLevel: 'Recoverable+Purgeable',
    exportable: false,
  };
  const item = { kid: `${origin()}/keys/k1`, attributes, tags: { a: 'b' } };
  t.deepEqual(itemsOf(await server.request(`/keys?${QUERY}`)), [item]);
  t.deepEqual(itemsOf(await server.request(`/deletedkeys?${QUERY}`)), [
    {
      ...item,
      recoveryId: `${origin()}/deletedkeys/k1`,
      deletedDate: 1_700_000_100,
      scheduledPurgeDate: 1_707_776_100,
    } as Item,
  ]);
});

test.serial('a nextLink names the port even when it is 443, and the api-version of the request', async (t) => {
  server.engine.listed = NAMES;
  const { json } = await server.request('/keys?api%2Dversion=7.4', { host: POOL_HOST });
  t.regex(String(json.nextLink), new RegExp(`^https://${POOL_HOST}:443/keys\\?api-version=7\\.4&`));
  const local = await server.request('/keys?api-version=7.4', { host: '[::1]' });
  t.regex(String(local.json.nextLink), /^https:\/\/\[::1\]:443\/keys\?/);
});

test.serial('a page may begin behind a key that is no more', async (t) => {
  server.engine.listed = NAMES;
  const token = Buffer.from('{"after":"key-570"}').toString('base64url');
  const reply = await server.request(`/keys?${QUERY}&%24skiptoken=${token}`);
  t.deepEqual(
    itemsOf(reply).map(({ kid }) => kid.slice(-6)),
    ['key-58', 'key-59'],
  );
});

const token = (text: string) => Buffer.from(text).toString('base64url');
type BadPage = readonly [what: string, path: string, query: string, parameter: string];
const BAD: readonly BadPage[] = [
  ...['0', '26', '-1', '1.5', '+1', '1e1', ' 1', '', 'ten', '025', '99999999999'].map(
    (text): BadPage => [`maxresults ${text}`, '/keys', `maxresults=${encodeURIComponent(text)}`, 'maxresults'],
  ),
  ['maxresults twice', '/keys', 'maxresults=1&maxresults=1', 'maxresults'],
  ['an empty token', '/keys', '$skiptoken=', '\\$skiptoken'],
  ['a token that is no base64url', '/keys', '$skiptoken=*', '\\$skiptoken'],
  ['a token that is no JSON', '/keys', `$skiptoken=${token('{')}`, '\\$skiptoken'],
  ['a token of null', '/deletedkeys', `$skiptoken=${token('null')}`, '\\$skiptoken'],
  ['a token of a number', '/keys', `$skiptoken=${token('1')}`, '\\$skiptoken'],
  ['a token without a mark', '/keys', `$skiptoken=${token('{}')}`, '\\$skiptoken'],
  ['a token with a mark that is no name', '/keys', `$skiptoken=${token('{"after":"a/b"}')}`, '\\$skiptoken'],
  ['a token with a mark that is no text', '/keys', `$skiptoken=${token('{"after":["a"]}')}`, '\\$skiptoken'],
  ['a token of another list', '/keys/k1/versions', `$skiptoken=${token('{"after":"key-01"}')}`, '\\$skiptoken'],
  ['two tokens', '/keys', `$skiptoken=${token('{"after":"a"}')}&$skiptoken=${token('{"after":"b"}')}`, '\\$skiptoken'],
];

for (const [what, path, query, parameter] of BAD) {
  test.serial(`${path} with ${what} is refused`, async (t) => {
    const before = server.engine.requests.length;
    const { status, json } = await server.request(`${path}?${QUERY}&${query}`);
    t.is(status, 400);
    t.is(json.error?.code, 'BadParameter');
    t.regex(json.error?.message ?? '', new RegExp(` for ${parameter}, received`));
    t.is(server.engine.requests.length, before);
  });
}

test.serial('versions of a key are asked for by its name', async (t) => {
  server.engine.listed = [VERSION];
  await server.request(`/keys/k1/versions?${QUERY}&maxresults=7`);
  t.deepEqual(server.engine.lastRequest, { name: 'k1', limit: 7, after: undefined });
});
