import test from 'ava';
import fc from 'fast-check';
import { MEMBERS } from '../campaigns/request_grammar.ts';
import { VERSION } from './fake_engine.ts';
import { TestServer } from './test_server.ts';

const server = await TestServer.open();
test.after.always(() => server.server.close());

const WORDS = [
  'keys',
  'k1',
  VERSION,
  'sign',
  'create',
  'rng',
  '',
  '..',
  '%2e',
  '%',
  '%zz',
  'deletedkeys',
  'recover',
  'restore',
  'versions',
  'rotationpolicy',
  'release',
  'batch',
  'settings',
  '__proto__',
  'health',
  'ready',
  ':name',
];
const VALUES = [
  'ES256',
  'AQID',
  'EC',
  'P-256',
  '',
  0,
  -1,
  1e308,
  true,
  null,
  [],
  {},
  ['sign'],
  { exp: 1 },
  '\ud800',
  'A256GCM',
];

const path = fc
  .tuple(
    fc.array(fc.constantFrom(...WORDS), { maxLength: 5 }),
    fc.constantFrom('?api-version=7.6', '', '?api%2Dversion=7.4', '?&&=', '?api-version=%'),
  )
  .map(([parts, query]) => `/${parts.join('/')}${query}`);
const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE');
const body = fc.oneof(
  fc.dictionary(fc.constantFrom(...MEMBERS), fc.constantFrom(...VALUES)).map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string(),
);
const contentType = fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/plain', '/', ';;;');

test('whatever is asked, the answer is no 500 and every error is in the envelope', async (t) => {
  await fc.assert(
    fc.asyncProperty(path, method, body, contentType, fc.boolean(), async (asked, verb, sent, type, authenticated) => {
      const hasBody = verb === 'POST' || verb === 'PUT' || verb === 'PATCH';
      const reply = await server.request(asked, {
        method: verb,
        authenticated,
        headers: hasBody ? { 'content-type': type } : {},
        ...(hasBody ? { body: sent } : {}),
      });
      const isPublic = asked.toLowerCase().includes('health/ready');
      if (!authenticated && !isPublic && reply.status !== 401) return false;
      if (reply.status >= 500) return false;
      if (reply.status >= 400 && reply.status !== 401 && verb !== 'HEAD') {
        return typeof reply.json.error?.code === 'string' && /Activity ID/.test(reply.json.error.message);
      }
      return true;
    }),
    { numRuns: 600 },
  );
  t.false(server.log.some((line) => line.includes('"level":50')));
});
