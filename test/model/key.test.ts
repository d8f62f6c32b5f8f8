import test from 'ava';
import { CURVE_BYTES, CURVES, DEFAULT_PUBLIC_EXPONENT, OCT_SIZES, RSA_SIZES } from '../../src/model/key.ts';
import {
  DEFAULT_KEY_OPERATIONS,
  KEY_OPERATIONS,
  OPERATIONS_BOUND_BY_DATES,
  POSSIBLE_KEY_OPERATIONS,
} from '../../src/model/key_operation.ts';

const KEY_TYPES = ['RSA-HSM', 'EC-HSM', 'oct-HSM'] as const;

test('keys come in the sizes and on the curves of Managed HSM (Azure API §2.1)', (t) => {
  t.deepEqual(RSA_SIZES, [2048, 3072, 4096]);
  t.deepEqual(CURVES, ['P-256', 'P-256K', 'P-384', 'P-521']);
  t.deepEqual(OCT_SIZES, [128, 192, 256]);
  t.is(DEFAULT_PUBLIC_EXPONENT, 2 ** 16 + 1);
});

test('a coordinate is as wide as its field', (t) => {
  t.deepEqual(
    CURVES.map((curve) => CURVE_BYTES[curve]),
    [256, 256, 384, 521].map((bits) => Math.ceil(bits / 8)),
  );
});

test('what a new key may do is something that its kind can do', (t) => {
  for (const keyType of KEY_TYPES) {
    t.true(DEFAULT_KEY_OPERATIONS[keyType].length > 0);
    for (const operation of DEFAULT_KEY_OPERATIONS[keyType])
      t.true(POSSIBLE_KEY_OPERATIONS[keyType].has(operation), operation);
    for (const operation of POSSIBLE_KEY_OPERATIONS[keyType]) t.true(KEY_OPERATIONS.includes(operation), operation);
  }
});

test('a new key may neither be exported nor import others unless it is asked for', (t) => {
  for (const keyType of KEY_TYPES) {
    t.false(DEFAULT_KEY_OPERATIONS[keyType].includes('export'));
    t.false(DEFAULT_KEY_OPERATIONS[keyType].includes('import'));
  }
});

test('an EC key neither encrypts nor wraps, and only an RSA key takes part in an import', (t) => {
  for (const operation of ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'] as const) {
    t.false(POSSIBLE_KEY_OPERATIONS['EC-HSM'].has(operation));
  }
  t.deepEqual(
    KEY_TYPES.filter((keyType) => POSSIBLE_KEY_OPERATIONS[keyType].has('import')),
    ['RSA-HSM'],
  );
});

test('dates bind what makes something new, never what takes it back', (t) => {
  t.deepEqual([...OPERATIONS_BOUND_BY_DATES].sort(), ['encrypt', 'sign', 'wrapKey']);
});
