import { createECDH, createPublicKey } from 'node:crypto';
import test from 'ava';
import { CURVE_BYTES, CURVES } from '../../src/model/key.ts';
import { decodeEcPoint, EC_PARAMETERS, encodeEcPoint } from '../../src/pkcs11/ec_point.ts';

const NODE_CURVE = {
  'P-256': 'prime256v1',
  'P-256K': 'secp256k1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
} as const;

for (const curve of CURVES) {
  const width = CURVE_BYTES[curve];
  const x = Buffer.alloc(width, 1);
  const y = Buffer.alloc(width, 2);
  const bare = Buffer.concat([Buffer.from([4]), x, y]);

  test(`a ${curve} point is read inside an OCTET STRING and bare`, (t) => {
    for (const attribute of [encodeEcPoint(curve, x, y), bare]) {
      const point = decodeEcPoint(curve, attribute);
      t.deepEqual([Buffer.from(point.x), Buffer.from(point.y)], [x, y]);
    }
  });

  test(`anything but an uncompressed ${curve} point is refused`, (t) => {
    const encoded = Buffer.from(encodeEcPoint(curve, x, y));
    const compressed = Buffer.concat([Buffer.from([2]), x]);
    const hybrid = Buffer.concat([Buffer.from([6]), x, y]);
    const wrongLength = Buffer.from(encoded);
    wrongLength[encoded.length - bare.length - 1]! -= 1;
    const wrongTag = Buffer.from(encoded);
    wrongTag[0] = 3;
    const infinity = Buffer.from([0]);
    const cut = [encoded.subarray(1), encoded.subarray(0, -1), bare.subarray(0, -1), Buffer.concat([bare, x])];
    for (const bad of [compressed, hybrid, wrongLength, wrongTag, infinity, Buffer.alloc(0), ...cut]) {
      t.throws(() => decodeEcPoint(curve, bad), { instanceOf: TypeError });
    }
  });

  test(`the parameters of ${curve} are the object identifier in the SubjectPublicKeyInfo that OpenSSL writes`, (t) => {
    const point = createECDH(NODE_CURVE[curve]).generateKeys();
    const decoded = decodeEcPoint(curve, point);
    const jwk = {
      kty: 'EC',
      crv: curve === 'P-256K' ? 'secp256k1' : curve,
      x: Buffer.from(decoded.x).toString('base64url'),
      y: Buffer.from(decoded.y).toString('base64url'),
    };
    const spki = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' });
    t.true(spki.includes(Buffer.from(EC_PARAMETERS[curve])));
    t.true(spki.includes(point));
  });
}

test('a coordinate of the wrong width is refused', (t) => {
  t.throws(() => encodeEcPoint('P-256', Buffer.alloc(31), Buffer.alloc(32)), { instanceOf: TypeError });
  t.throws(() => encodeEcPoint('P-521', Buffer.alloc(66), Buffer.alloc(65)), { instanceOf: TypeError });
});
