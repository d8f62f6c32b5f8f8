import { access } from 'node:fs/promises';
import test from 'ava';
import { type ErrorCode, StrongroomError } from '../../src/model/errors.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { RETURN_VALUE, type ReturnValueName } from '../../src/pkcs11/return_value.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { SELF_TEST_VECTORS } from '../../src/pool/self_test_vectors.ts';
import { FAULT_MODULE } from '../shim/fault_module.ts';
import { type FaultyTokens, faultyTokens } from './faulty_tokens.ts';
import { KeyTask, SessionKey } from './session_key.ts';
import { stateOf, until } from './several_tokens.ts';

/*
 * What the pool does about each return value, in the rows of its reaction table: one token that gives it once, the same token that gives it each
 * time, and two tokens of which one gives it each time. The operation is a signature by a key of a caller, which is brought to a host when
 * it is needed there.
 */

interface Row {
  readonly values: readonly ReturnValueName[];
  /** What comes of an operation that meets it once on the only token; `answered` is the return value itself, for the task to tell. */
  readonly once: 'done' | 'answered' | ErrorCode;
  /** What comes of it when the only token says it each time, and how often the operation was tried then. */
  readonly always: 'answered' | ErrorCode;
  readonly tries: number;
  /** What comes of it where another token does not say it; only where that makes a difference. */
  readonly elsewhere?: 'done';
  /** What is of the instance that gave it, once: it stays unless this says otherwise. */
  readonly host?: 'replaced';
  /** What is of the token that gives it each time, where there is another. It stays in service unless this says otherwise. */
  readonly token?: 'suspended' | 'failed';
}

const SICK = { once: 'done', always: 'ServiceUnavailable', tries: 2, elsewhere: 'done', token: 'suspended' } as const;

const ROWS: readonly Row[] = [
  {
    values: ['CKR_HOST_MEMORY', 'CKR_DEVICE_MEMORY', 'CKR_TOKEN_RESOURCE_EXCEEDED'],
    once: 'done',
    always: 'ServiceUnavailable',
    tries: 2,
  },
  { values: ['CKR_GENERAL_ERROR'], once: 'done', always: 'ServiceUnavailable', tries: 2, elsewhere: 'done' },
  { values: ['CKR_FUNCTION_FAILED'], once: 'done', always: 'ServiceUnavailable', tries: 4 },
  {
    values: ['CKR_CANCEL', 'CKR_FUNCTION_CANCELED', 'CKR_FUNCTION_REJECTED'],
    once: 'ServiceUnavailable',
    always: 'ServiceUnavailable',
    tries: 1,
  },
  { values: ['CKR_DEVICE_ERROR', 'CKR_VENDOR_DEFINED'], ...SICK },
  {
    values: ['CKR_DEVICE_REMOVED', 'CKR_TOKEN_NOT_PRESENT', 'CKR_TOKEN_NOT_RECOGNIZED', 'CKR_SLOT_ID_INVALID'],
    ...SICK,
    host: 'replaced',
  },
  {
    values: [
      'CKR_SESSION_HANDLE_INVALID',
      'CKR_SESSION_CLOSED',
      'CKR_OPERATION_ACTIVE',
      'CKR_OPERATION_NOT_INITIALIZED',
    ],
    once: 'done',
    always: 'ServiceUnavailable',
    tries: 2,
    elsewhere: 'done',
  },
  { values: ['CKR_SESSION_COUNT'], once: 'done', always: 'ServiceUnavailable', tries: 9 },
  { values: ['CKR_SESSION_READ_ONLY'], once: 'done', always: 'InternalError', tries: 2 },
  {
    values: ['CKR_USER_NOT_LOGGED_IN', 'CKR_CRYPTOKI_NOT_INITIALIZED', 'CKR_MUTEX_BAD', 'CKR_MUTEX_NOT_LOCKED'],
    once: 'done',
    always: 'ServiceUnavailable',
    tries: 2,
    elsewhere: 'done',
    host: 'replaced',
  },
  {
    values: ['CKR_USER_ANOTHER_ALREADY_LOGGED_IN', 'CKR_USER_TOO_MANY_TYPES'],
    once: 'ServiceUnavailable',
    always: 'ServiceUnavailable',
    tries: 1,
    host: 'replaced',
  },
  {
    values: [
      'CKR_PIN_INCORRECT',
      'CKR_PIN_INVALID',
      'CKR_PIN_LEN_RANGE',
      'CKR_PIN_LOCKED',
      'CKR_PIN_EXPIRED',
      'CKR_USER_PIN_NOT_INITIALIZED',
    ],
    once: 'ServiceUnavailable',
    always: 'ServiceUnavailable',
    tries: 1,
    elsewhere: 'done',
    host: 'replaced',
    token: 'failed',
  },
  {
    values: ['CKR_OBJECT_HANDLE_INVALID', 'CKR_KEY_HANDLE_INVALID'],
    once: 'done',
    always: 'KeyMissing',
    tries: 3,
  },
  { values: ['CKR_BUFFER_TOO_SMALL'], once: 'done', always: 'InternalError', tries: 2 },
  {
    values: [
      'CKR_MECHANISM_INVALID',
      'CKR_FUNCTION_NOT_SUPPORTED',
      'CKR_KEY_TYPE_INCONSISTENT',
      'CKR_KEY_FUNCTION_NOT_PERMITTED',
      'CKR_KEY_SIZE_RANGE',
    ],
    once: 'NotSupported',
    always: 'NotSupported',
    tries: 1,
    elsewhere: 'done',
  },
  {
    values: [
      'CKR_MECHANISM_PARAM_INVALID',
      'CKR_TEMPLATE_INCOMPLETE',
      'CKR_TEMPLATE_INCONSISTENT',
      'CKR_ATTRIBUTE_READ_ONLY',
      'CKR_ATTRIBUTE_TYPE_INVALID',
      'CKR_ATTRIBUTE_VALUE_INVALID',
    ],
    once: 'InternalError',
    always: 'InternalError',
    tries: 1,
  },
  {
    values: [
      'CKR_ARGUMENTS_BAD',
      'CKR_DATA_INVALID',
      'CKR_DATA_LEN_RANGE',
      'CKR_ENCRYPTED_DATA_INVALID',
      'CKR_ENCRYPTED_DATA_LEN_RANGE',
      'CKR_WRAPPED_KEY_INVALID',
      'CKR_WRAPPED_KEY_LEN_RANGE',
      'CKR_AEAD_DECRYPT_FAILED',
      'CKR_SIGNATURE_INVALID',
      'CKR_SIGNATURE_LEN_RANGE',
      'CKR_ATTRIBUTE_SENSITIVE',
      'CKR_KEY_UNEXTRACTABLE',
      'CKR_KEY_NOT_WRAPPABLE',
    ],
    once: 'answered',
    always: 'answered',
    tries: 1,
  },
  {
    values: ['CKR_RANDOM_NO_RNG', 'CKR_RANDOM_SEED_NOT_SUPPORTED', 'CKR_TOKEN_WRITE_PROTECTED'],
    once: 'ServiceUnavailable',
    always: 'ServiceUnavailable',
    tries: 1,
    elsewhere: 'done',
  },
  {
    values: ['CKR_STATE_UNSAVEABLE', 'CKR_SAVED_STATE_INVALID'],
    once: 'ServiceUnavailable',
    always: 'ServiceUnavailable',
    tries: 1,
  },
  {
    values: ['CKR_FIPS_SELF_TEST_FAILED'],
    once: 'SelfTestFailed',
    always: 'SelfTestFailed',
    tries: 1,
    elsewhere: 'done',
    token: 'failed',
  },
  {
    values: ['CKR_LIBRARY_LOAD_FAILED'],
    once: 'ServiceUnavailable',
    always: 'ServiceUnavailable',
    tries: 1,
    elsewhere: 'done',
    token: 'failed',
  },
];

const { key: EC_KEY } = SELF_TEST_VECTORS.ES256;
const DIGEST = Buffer.alloc(32, 7);

let tokens: FaultyTokens;
let alone: HsmPool;
let pair: HsmPool;
let key: SessionKey;
let keyOfPair: SessionKey;

test.before(async () => {
  await access(FAULT_MODULE);
  tokens = await faultyTokens(3);
  alone = await tokens.open([0]);
  pair = await tokens.open([1, 2]);
  key = new SessionKey(alone, EC_KEY);
  keyOfPair = new SessionKey(pair, EC_KEY);
});
test.after.always(() => tokens?.close());

async function sign(pool: HsmPool, by: SessionKey): Promise<{ readonly outcome: string; readonly tries: number }> {
  const request = ringRequest(RING_OPERATION.sign, { mechanism: MECHANISM.CKM_ECDSA, input: DIGEST, capacity: 64 });
  const task = new KeyTask(by, request, 60_000);
  pool.run(task);
  const outcome = await task.answer.then(
    () => 'done',
    (error: unknown) => (error instanceof StrongroomError ? error.code : 'answered'),
  );
  return { outcome, tries: task.tries };
}

/** What an operator does who has looked at the device. */
async function healed(pool: HsmPool): Promise<void> {
  for (const rules of tokens.rules) await rules.clear();
  await until(() => {
    if (pool.status().state === 'ready') return true;
    pool.resume();
    return false;
  });
}

const rule = (value: ReturnValueName, occasion: string, end = ''): string =>
  `C_Sign ${occasion} return ${RETURN_VALUE[value]} ${end}`;

for (const row of ROWS) {
  for (const value of row.values) {
    test.serial(`${value}: ${row.once} when it is said once, ${row.always} after ${row.tries} tries`, async (t) => {
      const [rules] = tokens.rules;
      await healed(alone);
      t.is((await sign(alone, key)).outcome, 'done');
      const before = alone.status().hosts[0]?.id;
      await rules?.set(rule(value, '1', 'once'));
      t.is((await sign(alone, key)).outcome, row.once);
      if (row.host === 'replaced') await until(() => alone.status().ended[0]?.id === before);
      else t.is(alone.status().hosts[0]?.id, before, 'the instance stays');
      await healed(alone);
      await rules?.set(rule(value, '*'));
      t.deepEqual(await sign(alone, key), { outcome: row.always, tries: row.tries });
      await healed(alone);
      t.is((await sign(alone, key)).outcome, 'done', 'and then it works');
    });

    if (row.elsewhere === undefined) continue;
    test.serial(`${value}: ${row.elsewhere} where another token does not say it`, async (t) => {
      const sick = tokens.rules[1];
      await healed(pair);
      await sick?.set(rule(value, '*'));
      // So many that each token gets some of them, whichever has the key already.
      let isMet = false;
      for (let round = 0; round < 3; round++) {
        const signatures = await Promise.all(Array.from({ length: 24 }, () => sign(pair, keyOfPair)));
        t.deepEqual(new Set(signatures.map(({ outcome }) => outcome)), new Set([row.elsewhere]));
        isMet ||= signatures.some(({ tries }) => tries > 1);
      }
      t.true(isMet, 'the other token was asked, and said it');
      if (row.token !== undefined) await until(() => stateOf(pair, 'b') === row.token);
      else if (row.host === undefined) t.not(stateOf(pair, 'b'), 'failed');
      t.is(stateOf(pair, 'c'), 'healthy');
      await healed(pair);
    });
  }
}
