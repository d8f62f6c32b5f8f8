import test from 'ava';
import { LIMITS } from '../../src/model/limits.ts';

test('every limit is a positive whole number that JavaScript holds exactly', (t) => {
  for (const [name, limit] of Object.entries(LIMITS)) t.true(Number.isSafeInteger(limit) && limit > 0, name);
});

test('limits that Azure publishes have Azure’s value', (t) => {
  t.like(LIMITS, {
    keyNameCharacters: 127,
    tagsPerKey: 15,
    tagCharacters: 256,
    keysPerPool: 5000,
    versionsPerKey: 100,
    randomBytes: 128,
  });
});

test('an operation with its additional bytes fits into one arena block of 64 KiB, and into a request body as base64url', (t) => {
  t.true(LIMITS.operationInputBytes + LIMITS.aadBytes <= 64 * 1024);
  t.true(((LIMITS.operationInputBytes + LIMITS.aadBytes) * 4) / 3 < LIMITS.requestBodyBytes);
});

test('a lane is called stuck before its operation’s time is over, so that another can still do it', (t) => {
  t.true(LIMITS.stuckLaneMs < LIMITS.operationTimeoutMs);
  t.true(LIMITS.stuckKeyGenerationMs <= LIMITS.keyGenerationTimeoutMs);
});

test('random IVs under one key stay within what SP 800-38D §8.3 allows', (t) => {
  t.true(LIMITS.gcmEncryptionsPerKeyVersion <= 2 ** 32);
});

test('one key cannot take the whole queue', (t) => {
  t.true(LIMITS.operationsQueuedPerKey < LIMITS.operationsAdmitted);
});
