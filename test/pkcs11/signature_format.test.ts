import { constants, createHash, generateKeyPairSync, publicDecrypt, sign, verify } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { CURVE_BYTES, CURVES } from '../../src/model/key.ts';
import {
  derEcdsaSignature,
  digestInfo,
  leftPadded,
  rawEcdsaSignature,
  rawEcdsaSignatureFromDer,
  withoutLeadingZeros,
} from '../../src/pkcs11/signature_format.ts';

const NODE_CURVE = {
  'P-256': 'prime256v1',
  'P-256K': 'secp256k1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
} as const;

test('a DigestInfo is what OpenSSL signs for the same hash', (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const hashes = [
    ['SHA-256', 'sha256'],
    ['SHA-384', 'sha384'],
    ['SHA-512', 'sha512'],
  ] as const;
  for (const [hash, nodeName] of hashes) {
    const signature = sign(nodeName, Buffer.from('m'), privateKey);
    const inside = publicDecrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature);
    t.deepEqual(Buffer.from(digestInfo(hash, createHash(nodeName).update('m').digest())), inside, hash);
  }
});

test('a digest of the wrong length never becomes a DigestInfo', (t) => {
  t.throws(() => digestInfo('SHA-256', Buffer.alloc(31)), { instanceOf: TypeError });
  t.throws(() => digestInfo('SHA-512', Buffer.alloc(32)), { instanceOf: TypeError });
});

test('an integer loses its leading zeros and nothing else', (t) => {
  t.deepEqual(Buffer.from(withoutLeadingZeros(Buffer.from([0, 0, 1, 0]))), Buffer.from([1, 0]));
  t.deepEqual(Buffer.from(withoutLeadingZeros(Buffer.from([0, 0]))), Buffer.from([0]));
  t.is(withoutLeadingZeros(Buffer.alloc(0)).length, 0);
});

test('an integer is padded on the left to its width', (t) => {
  t.deepEqual(Buffer.from(leftPadded(Buffer.from([1]), 3)), Buffer.from([0, 0, 1]));
  t.deepEqual(Buffer.from(leftPadded(Buffer.from([0, 0, 0, 9]), 2)), Buffer.from([0, 9]));
  t.throws(() => leftPadded(Buffer.from([1, 0, 0]), 2), { instanceOf: TypeError });
});

test('padding and stripping are each other’s inverse', (t) => {
  t.notThrows(() =>
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 66 }), (integer) => {
        const shortest = withoutLeadingZeros(integer);
        return Buffer.compare(withoutLeadingZeros(leftPadded(integer, 66)), shortest) === 0;
      }),
    ),
  );
});

for (const curve of CURVES) {
  test(`a signature on ${curve} has exactly the width of the field twice`, (t) => {
    const signature = Buffer.alloc(2 * CURVE_BYTES[curve], 1);
    t.is(rawEcdsaSignature(curve, signature), signature);
    t.throws(() => rawEcdsaSignature(curve, signature.subarray(1)), { instanceOf: TypeError });
    t.throws(() => rawEcdsaSignature(curve, Buffer.concat([signature, signature])), { instanceOf: TypeError });
  });

  test(`r and s on ${curve} come out of DER at full width`, (t) => {
    const width = CURVE_BYTES[curve];
    const r = fc.uint8Array({ minLength: 1, maxLength: width });
    const property = fc.property(r, r, (first, second) => {
      if (!first.some((byte) => byte !== 0) || !second.some((byte) => byte !== 0)) return true;
      const raw = Buffer.concat([leftPadded(first, width), leftPadded(second, width)]);
      return Buffer.compare(rawEcdsaSignatureFromDer(curve, derSignature(first, second)), raw) === 0;
    });
    t.notThrows(() => fc.assert(property));
  });

  test(`DER of OpenSSL on ${curve} verifies once it is raw`, (t) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: NODE_CURVE[curve] });
    for (let round = 0; round < 20; round += 1) {
      const raw = rawEcdsaSignatureFromDer(curve, sign('sha256', Buffer.from('m'), privateKey));
      t.true(verify('sha256', Buffer.from('m'), { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw));
    }
  });
}

test('DER and back is the same signature, and OpenSSL accepts it', (t) => {
  for (const curve of ['P-256', 'P-384'] as const) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: NODE_CURVE[curve] });
    for (let round = 0; round < 300; round += 1) {
      const raw = sign('sha256', Buffer.from('m'), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      const der = derEcdsaSignature(raw);
      t.true(verify('sha256', Buffer.from('m'), publicKey, der));
      t.deepEqual(Buffer.from(rawEcdsaSignatureFromDer(curve, der)), raw);
    }
  }
  t.throws(() => derEcdsaSignature(Buffer.alloc(132, 0x7f)), { instanceOf: TypeError });
});

function derInteger(value: Uint8Array): Buffer {
  const shortest = withoutLeadingZeros(value);
  const body = shortest[0]! >= 0x80 ? Buffer.concat([Buffer.alloc(1), shortest]) : Buffer.from(shortest);
  return Buffer.concat([Buffer.from([2, body.length]), body]);
}

function derSignature(r: Uint8Array, s: Uint8Array): Buffer {
  const body = Buffer.concat([derInteger(r), derInteger(s)]);
  const header = body.length < 0x80 ? [0x30, body.length] : [0x30, 0x81, body.length];
  return Buffer.concat([Buffer.from(header), body]);
}

test('what is not DER of two positive integers is refused', (t) => {
  const bad: Record<string, string> = {
    empty: '',
    'no sequence': '020101020101',
    'a byte behind': '300602010102010100',
    'a length past the end': '3007020101020101',
    'a long form without need': '308106020101020101',
    'an indefinite length': '30800201010201010000',
    'a padded integer': '300702020001020101',
    'a negative integer': '3006020180020101',
    'a zero': '3006020100020101',
    'an empty integer': '30050200020101',
    'a single integer': '3003020101',
    'a third integer': '3009020101020101020101',
    'an integer wider than the field': `3026022101${'11'.repeat(32)}020101`,
  };
  for (const [what, hex] of Object.entries(bad)) {
    t.throws(() => rawEcdsaSignatureFromDer('P-256', Buffer.from(hex, 'hex')), { instanceOf: TypeError }, what);
  }
  t.notThrows(() => rawEcdsaSignatureFromDer('P-256', Buffer.from('3006020101020101', 'hex')));
});
