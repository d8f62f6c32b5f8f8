import test from 'ava';
import { badParameter, ERROR_CATALOGUE, type ErrorCode, StrongroomError } from '../../src/model/errors.ts';

const CODES = Object.keys(ERROR_CATALOGUE) as ErrorCode[];

test('every code has a status that HTTP knows, and only those of load and availability may be tried again', (t) => {
  for (const code of CODES) {
    const { status, retryable } = ERROR_CATALOGUE[code];
    t.true(status >= 400 && status < 600, code);
    if (retryable) t.true(status === 429 || status === 503, code);
  }
});

test('a key that no token has is not reported as one that does not exist', (t) => {
  t.is(ERROR_CATALOGUE.KeyMissing.status, 500);
  t.is(ERROR_CATALOGUE.KeyNotFound.status, 404);
});

test('an error carries code, inner code, pause and cause', (t) => {
  const cause = new Error('C_Sign returned CKR_DEVICE_ERROR');
  const error = new StrongroomError('ServiceUnavailable', 'Try again.', {
    cause,
    innerCode: 'TokenLost',
    retryAfterMs: 50,
  });
  t.is(error.name, 'StrongroomError');
  t.is(error.code, 'ServiceUnavailable');
  t.is(error.innerCode, 'TokenLost');
  t.is(error.retryAfterMs, 50);
  t.is(error.cause, cause);
  t.false('cause' in new StrongroomError('Conflict', 'No.'));
});

test('a complaint about input describes what came and quotes little of it', (t) => {
  const rows: [unknown, string][] = [
    [undefined, 'nothing'],
    [null, 'null'],
    ['short', '"short"'],
    ['a"b\n', '"a\\"b\\n"'],
    [7, '7'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    [new Uint8Array(12), '12 bytes'],
    [Buffer.from('secret'), '6 bytes'],
    [['x', 'y'], 'an array of 2'],
    [{ secret: 1 }, 'an object'],
    [() => undefined, 'a function'],
    [1n, 'a bigint'],
    [Symbol('s'), 'a symbol'],
  ];
  for (const [value, description] of rows) {
    t.is(badParameter('p', 'x', value).message, `Expected x for p, received ${description}.`);
  }
  t.is(badParameter('p', 'x', 'y').code, 'BadParameter');
});

test('a long value is cut in the complaint', (t) => {
  const { message } = badParameter('p', 'x', 'z'.repeat(10_000));
  t.is(message, `Expected x for p, received "${'z'.repeat(60)}…".`);
});
