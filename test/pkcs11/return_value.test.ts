import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'ava';
import type { Handle, Mechanism } from 'pkcs11js';
import pkcs11js from 'pkcs11js';
import { ERROR_CATALOGUE } from '../../src/model/errors.ts';
import { RING_OPERATION, type RingOperation } from '../../src/pkcs11/binding.ts';
import { importTemplate, keyPairTemplates, secretKeyTemplate, unwrapTemplate } from '../../src/pkcs11/key_template.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import {
  CryptokiFailure,
  cryptokiFailure,
  RETURN_VALUE,
  type ReactionClass,
  type ReturnValueName,
  reactionTo,
  returnValueName,
} from '../../src/pkcs11/return_value.ts';
import { returnValueOf, SoftHsmToken } from './softhsm_token.ts';

const HEADER = readFileSync(createRequire(import.meta.url).resolve('pkcs11js/includes/pkcs11/pkcs11t.h'), 'utf8');
const OPERATIONS = Object.values(RING_OPERATION);
const INPUTS = ['caller', 'engine'] as const;
const SESSION = { kind: 'session', private: true } as const;

let token: SoftHsmToken;
test.before(async () => {
  token = await SoftHsmToken.open();
});
test.after.always(() => token?.close());

/** PKCS#11 v3.0 added these; the header is of v2.40. */
const ADDED_BY_3_0: Readonly<Record<string, number>> = {
  CKR_AEAD_DECRYPT_FAILED: 0x42,
  CKR_TOKEN_RESOURCE_EXCEEDED: 0x201,
  CKR_OPERATION_CANCEL_FAILED: 0x202,
  CKR_KEY_EXHAUSTED: 0x203,
};

test('every return value of the header is in the table, under its number, and no other', (t) => {
  const defined = [...HEADER.matchAll(/^#define (CKR_\w+)\s+(?:\()?(0x[0-9a-fA-F]+)/gm)];
  t.true(defined.length >= 90);
  const expected = Object.fromEntries(defined.map(([, name, number]) => [name, Number(number)]));
  t.deepEqual({ ...RETURN_VALUE } as Record<string, number>, { ...expected, ...ADDED_BY_3_0 });
});

test('every return value has a reaction for every operation and input', (t) => {
  for (const operation of OPERATIONS) {
    for (const input of INPUTS) {
      for (const number of [...Object.values(RETURN_VALUE), 0x80001234, 0x777]) {
        const { class: kind, code, retries, backoffMs } = reactionTo(operation, input, number);
        t.true(code in ERROR_CATALOGUE);
        t.true(retries >= 0 && retries <= (kind === 'noSession' ? 8 : 3) && backoffMs >= 0 && backoffMs <= 50);
      }
    }
  }
});

const CLASSES: Partial<Record<ReturnValueName, ReactionClass>> = {
  CKR_OK: 'ok',
  CKR_USER_ALREADY_LOGGED_IN: 'ok',
  CKR_CRYPTOKI_ALREADY_INITIALIZED: 'ok',
  CKR_HOST_MEMORY: 'resource',
  CKR_DEVICE_MEMORY: 'resource',
  CKR_SESSION_COUNT: 'noSession',
  CKR_GENERAL_ERROR: 'retryElsewhere',
  CKR_DEVICE_ERROR: 'tokenSick',
  CKR_FUNCTION_FAILED: 'retryHere',
  CKR_FUNCTION_CANCELED: 'refused',
  CKR_FUNCTION_REJECTED: 'refused',
  CKR_DEVICE_REMOVED: 'tokenLost',
  CKR_TOKEN_NOT_PRESENT: 'tokenLost',
  CKR_TOKEN_NOT_RECOGNIZED: 'tokenLost',
  CKR_SLOT_ID_INVALID: 'tokenLost',
  CKR_SESSION_HANDLE_INVALID: 'sessionLost',
  CKR_SESSION_CLOSED: 'sessionLost',
  CKR_OPERATION_ACTIVE: 'sessionLost',
  CKR_OPERATION_NOT_INITIALIZED: 'sessionLost',
  CKR_USER_NOT_LOGGED_IN: 'hostLost',
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN: 'hostLost',
  CKR_CRYPTOKI_NOT_INITIALIZED: 'hostLost',
  CKR_MUTEX_BAD: 'hostLost',
  CKR_PIN_INCORRECT: 'pin',
  CKR_PIN_LOCKED: 'pin',
  CKR_USER_PIN_NOT_INITIALIZED: 'pin',
  CKR_KEY_HANDLE_INVALID: 'handleUnknown',
  CKR_OBJECT_HANDLE_INVALID: 'handleUnknown',
  CKR_BUFFER_TOO_SMALL: 'bufferTooSmall',
  CKR_MECHANISM_INVALID: 'capability',
  CKR_KEY_TYPE_INCONSISTENT: 'capability',
  CKR_KEY_SIZE_RANGE: 'capability',
  CKR_TOKEN_WRITE_PROTECTED: 'capability',
  CKR_TEMPLATE_INCONSISTENT: 'defect',
  CKR_ATTRIBUTE_READ_ONLY: 'defect',
  CKR_MECHANISM_PARAM_INVALID: 'defect',
  CKR_ARGUMENTS_BAD: 'defect',
  CKR_DATA_INVALID: 'callerInput',
  CKR_ENCRYPTED_DATA_INVALID: 'callerInput',
  CKR_AEAD_DECRYPT_FAILED: 'callerInput',
  CKR_SIGNATURE_INVALID: 'result',
  CKR_SIGNATURE_LEN_RANGE: 'result',
  CKR_KEY_UNEXTRACTABLE: 'policy',
  CKR_ATTRIBUTE_SENSITIVE: 'policy',
  CKR_FIPS_SELF_TEST_FAILED: 'fatal',
  CKR_VENDOR_DEFINED: 'tokenSick',
};

test('the reaction of an operation of the engine itself follows from the return value', (t) => {
  for (const [name, expected] of Object.entries(CLASSES)) {
    t.is(
      reactionTo(RING_OPERATION.setAttributes, 'engine', RETURN_VALUE[name as ReturnValueName]).class,
      expected,
      name,
    );
  }
});

test('numbers that no standard names are treated like a device error', (t) => {
  for (const number of [0x80000001, 0xffffffff, 0x4242]) {
    t.like(reactionTo(RING_OPERATION.sign, 'engine', number), { class: 'tokenSick', countsAgainstToken: true });
  }
});

const DECIPHERING: readonly RingOperation[] = [
  RING_OPERATION.decrypt,
  RING_OPERATION.oaepDecrypt,
  RING_OPERATION.unwrap,
  RING_OPERATION.unwrapBytes,
];
const UNDECIPHERABLE: readonly ReturnValueName[] = [
  'CKR_GENERAL_ERROR',
  'CKR_ARGUMENTS_BAD',
  'CKR_DATA_INVALID',
  'CKR_DATA_LEN_RANGE',
  'CKR_ENCRYPTED_DATA_INVALID',
  'CKR_ENCRYPTED_DATA_LEN_RANGE',
  'CKR_AEAD_DECRYPT_FAILED',
  'CKR_WRAPPED_KEY_INVALID',
  'CKR_WRAPPED_KEY_LEN_RANGE',
];

test('every way in which a caller’s ciphertext fails is one and the same reaction', (t) => {
  for (const operation of DECIPHERING) {
    for (const name of UNDECIPHERABLE) {
      const reaction = reactionTo(operation, 'caller', RETURN_VALUE[name]);
      t.like(reaction, { class: 'callerInput', code: 'DecryptionFailed', retries: 0, countsAgainstToken: false }, name);
    }
  }
});

test('the same general error counts against the token when the input is the engine’s', (t) => {
  const reaction = reactionTo(RING_OPERATION.unwrap, 'engine', RETURN_VALUE.CKR_GENERAL_ERROR);
  t.like(reaction, { class: 'retryElsewhere', countsAgainstToken: true });
});

test('a KEK whose handle is void means a new host, a caller’s wrapping key a new look-up', (t) => {
  const returnValue = RETURN_VALUE.CKR_UNWRAPPING_KEY_HANDLE_INVALID;
  t.is(reactionTo(RING_OPERATION.unwrap, 'engine', returnValue).class, 'hostLost');
  t.is(reactionTo(RING_OPERATION.unwrap, 'caller', returnValue).class, 'handleUnknown');
  t.is(reactionTo(RING_OPERATION.wrap, 'engine', RETURN_VALUE.CKR_WRAPPING_KEY_HANDLE_INVALID).class, 'hostLost');
});

test('a lost key is never reported as one that was not found', (t) => {
  t.is(reactionTo(RING_OPERATION.sign, 'caller', RETURN_VALUE.CKR_KEY_HANDLE_INVALID).code, 'KeyMissing');
});

test('a failure names the function and the return value', (t) => {
  const failure = cryptokiFailure('C_SignInit', 0x60);
  t.is(failure.message, 'C_SignInit returned CKR_KEY_HANDLE_INVALID');
  t.true(failure instanceof CryptokiFailure);
  t.deepEqual([failure.functionName, failure.returnValue], ['C_SignInit', 0x60]);
  t.is(returnValueName(0x80000012), '0x80000012');
  t.is(returnValueName(-2147483630), '0x80000012');
});

/** What a caller can hand in, on a real token: whatever comes back must leave the health of the token alone. */
test('nothing that a caller may send makes SoftHSM look ill', (t) => {
  const rsa = token.generateKeyPair(
    MECHANISM.CKM_RSA_PKCS_KEY_PAIR_GEN,
    keyPairTemplates({ keyType: 'RSA-HSM', size: 2048, publicExponent: 65537 }, SESSION, 'extractable'),
  );
  const aes = token.generateKey(
    MECHANISM.CKM_AES_KEY_GEN,
    secretKeyTemplate({ keyType: 'oct-HSM', size: 256 }, SESSION, 'extractable'),
  );
  const iv = Buffer.alloc(12, 1);
  const gcm = {
    mechanism: MECHANISM.CKM_AES_GCM,
    parameter: { type: pkcs11js.CK_PARAMS_AES_GCM, iv, ivBits: 96, aad: Buffer.alloc(0), tagBits: 128 },
  };
  const oaep = {
    mechanism: MECHANISM.CKM_RSA_PKCS_OAEP,
    parameter: {
      type: pkcs11js.CK_PARAMS_RSA_OAEP,
      hashAlg: MECHANISM.CKM_SHA_1,
      mgf: pkcs11js.CKG_MGF1_SHA1,
      source: 1,
    },
  };
  const ciphers: readonly [Mechanism, Handle][] = [
    [gcm as Mechanism, aes],
    [{ mechanism: MECHANISM.CKM_AES_CBC, parameter: Buffer.alloc(16) }, aes],
    [{ mechanism: MECHANISM.CKM_AES_CBC_PAD, parameter: Buffer.alloc(16) }, aes],
    [{ mechanism: MECHANISM.CKM_RSA_PKCS }, rsa.privateKey],
    [{ mechanism: MECHANISM.CKM_RSA_X_509 }, rsa.privateKey],
    [oaep as Mechanism, rsa.privateKey],
  ];
  const refused = new Set<string>();
  for (const [mechanism, key] of ciphers) {
    for (const length of [0, 1, 15, 16, 32, 255, 256, 257]) {
      const returnValue = returnValueOf(() => token.decrypt(mechanism, key, Buffer.alloc(length, 0xff)));
      if (returnValue === undefined) continue;
      const what = `${mechanism.mechanism} with ${length} bytes: ${returnValueName(returnValue)}`;
      refused.add(returnValueName(returnValue));
      t.like(
        reactionTo(RING_OPERATION.decrypt, 'caller', returnValue),
        { class: 'callerInput', code: 'DecryptionFailed' },
        what,
      );
    }
  }
  t.true(
    refused.has('CKR_GENERAL_ERROR') && refused.has('CKR_ARGUMENTS_BAD') && refused.has('CKR_ENCRYPTED_DATA_LEN_RANGE'),
  );

  for (const length of [0, 1, 255, 256, 257]) {
    const signature = Buffer.alloc(length, 0xff);
    const pkcs1 = { mechanism: MECHANISM.CKM_RSA_PKCS };
    const returnValue = returnValueOf(() => token.verify(pkcs1, rsa.publicKey, Buffer.alloc(51, 1), signature));
    if (returnValue === undefined) return t.fail('A signature of nothing but ones is valid.');
    const reaction = reactionTo(RING_OPERATION.verify, 'caller', returnValue);
    t.true(['result', 'callerInput'].includes(reaction.class), returnValueName(returnValue));
    t.false(reaction.countsAgainstToken);
  }
  return undefined;
});

test('nothing that a caller may hand in to unwrap makes SoftHSM look ill', (t) => {
  const wrapping = token.create(importTemplate({ keyType: 'oct-HSM', value: Buffer.alloc(32, 3) }, SESSION, 'locked'));
  const inside = token.generateKey(
    MECHANISM.CKM_AES_KEY_GEN,
    secretKeyTemplate({ keyType: 'oct-HSM', size: 256 }, SESSION, 'extractable'),
  );
  const wrapped = token.wrap(wrapping, inside);
  const tampered = Buffer.from(wrapped);
  tampered[9]! ^= 1;
  const seen = new Set<string>();
  const inputs = [
    tampered,
    wrapped.subarray(8),
    wrapped.subarray(1),
    Buffer.alloc(0),
    Buffer.alloc(8),
    Buffer.alloc(16),
  ];
  for (const input of inputs) {
    const returnValue = returnValueOf(() =>
      token.unwrap(wrapping, input, unwrapTemplate('oct-HSM', 'secret', SESSION)),
    );
    t.like(reactionTo(RING_OPERATION.unwrap, 'caller', returnValue ?? 0), {
      code: 'DecryptionFailed',
      countsAgainstToken: false,
    });
    seen.add(returnValueName(returnValue ?? 0));
  }
  const otherType = returnValueOf(() => token.unwrap(wrapping, wrapped, unwrapTemplate('RSA-HSM', 'private', SESSION)));
  t.is(otherType, RETURN_VALUE.CKR_FUNCTION_FAILED);
  t.is(reactionTo(RING_OPERATION.unwrap, 'caller', otherType ?? 0).code, 'DecryptionFailed');
  t.true(seen.has('CKR_GENERAL_ERROR') && seen.has('CKR_WRAPPED_KEY_LEN_RANGE'));
});
