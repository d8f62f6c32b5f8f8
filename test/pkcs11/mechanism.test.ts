import test from 'ava';
import pkcs11js from 'pkcs11js';
import { ALGORITHMS } from '../../src/model/algorithm.ts';
import {
  gcmParameter,
  HASH_MECHANISM,
  MASK_GENERATION_FUNCTION,
  MECHANISM,
  MECHANISM_FLAG,
  oaepParameter,
  pssParameter,
} from '../../src/pkcs11/mechanism.ts';

const header = pkcs11js as unknown as Record<string, number | undefined>;

/** Names that pkcs11js spells otherwise or leaves out (PKCS#11 v3.0, pkcs11t.h). */
const NOT_IN_HEADER: Readonly<Record<string, number>> = { CKM_AES_KEY_WRAP_PAD: 0x210a };

test('the numbers of mechanisms are those of the header', (t) => {
  for (const [name, number] of Object.entries(MECHANISM)) t.is(header[name] ?? NOT_IN_HEADER[name], number, name);
  for (const [name, number] of Object.entries(MECHANISM_FLAG)) t.is(header[name], number, name);
});

test('every mechanism of the algorithm table has a number', (t) => {
  const mechanisms = [...ALGORITHMS.values()].flatMap(({ realisations }) =>
    realisations.map(({ mechanism }) => mechanism),
  );
  t.true(mechanisms.length >= ALGORITHMS.size);
  for (const mechanism of mechanisms) t.is(typeof MECHANISM[mechanism], 'number', mechanism);
});

test('mask generation functions belong to their hashes', (t) => {
  t.deepEqual(MASK_GENERATION_FUNCTION, {
    'SHA-1': pkcs11js.CKG_MGF1_SHA1,
    'SHA-256': pkcs11js.CKG_MGF1_SHA256,
    'SHA-384': pkcs11js.CKG_MGF1_SHA384,
    'SHA-512': pkcs11js.CKG_MGF1_SHA512,
  });
  t.is(HASH_MECHANISM['SHA-1'], pkcs11js.CKM_SHA_1);
});

test('OAEP and PSS parameters name hash, mask generation function and salt, and are encoded once', (t) => {
  t.deepEqual(Buffer.from(oaepParameter('SHA-1')), Buffer.from('2002000001000000', 'hex'));
  t.deepEqual(Buffer.from(oaepParameter('SHA-256')), Buffer.from('5002000002000000', 'hex'));
  t.deepEqual(Buffer.from(pssParameter('SHA-384')), Buffer.from('600200000300000030000000', 'hex'));
  t.deepEqual(Buffer.from(pssParameter('SHA-512', 20)), Buffer.from('700200000400000014000000', 'hex'));
  t.is(oaepParameter('SHA-256'), oaepParameter('SHA-256'));
  t.is(pssParameter('SHA-256', 32), pssParameter('SHA-256'));
});

test('a GCM parameter carries IV and additional bytes behind their lengths', (t) => {
  const iv = Buffer.alloc(12, 0xaa);
  const aad = Buffer.from('header');
  const expected = Buffer.concat([Buffer.from('0c000000060000008000000000000000', 'hex'), iv, aad]);
  t.deepEqual(Buffer.from(gcmParameter(iv, aad, 16)), expected);
});

test('a GCM parameter without an IV has the lane make one', (t) => {
  t.deepEqual(
    Buffer.from(gcmParameter(undefined, undefined, 16)),
    Buffer.from('00000000000000008000000000000000', 'hex'),
  );
});
