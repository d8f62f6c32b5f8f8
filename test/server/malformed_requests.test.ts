import test from 'ava';
import { MALFORMED_BODIES } from './malformed_bodies.ts';
import { MALFORMED_PATHS } from './malformed_paths.ts';
import { TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const ROWS = [...MALFORMED_PATHS, ...MALFORMED_BODIES];

test('there are more than 150 malformed requests, and none of them a 500', (t) => {
  t.true(ROWS.length >= 150, `${ROWS.length}`);
  t.true(ROWS.every(({ status }) => status >= 400 && status < 500));
});

for (const [index, { what, method, path, body, contentType, status, code }] of ROWS.entries()) {
  test(`${index}: ${method} ${path.slice(0, 60)} with ${what} is answered with ${status} ${code}`, async (t) => {
    const reply =
      body === undefined
        ? await server.request(path, { method })
        : await server.send(method, path, body, contentType === undefined ? {} : { 'content-type': contentType });
    t.is(reply.status, status, reply.text);
    t.is(reply.json.error?.code, code);
    t.regex(reply.json.error?.message ?? '', /\(Activity ID: [0-9a-f-]{36}\)$/);
    t.is(reply.headers['content-type'], 'application/json; charset=utf-8');
  });
}

test.after('none of them has reached the engine, and none was worth an error in the log', (t) => {
  t.deepEqual(server.engine.requests, []);
  t.deepEqual(
    server.log.filter((line) => line.includes('"level":50')),
    [],
  );
});
