import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  verify as verifySignature,
} from 'node:crypto';
import test from 'ava';
import pkcs11js, { type Handle } from 'pkcs11js';
import { CURVE_BYTES, CURVES, type Curve, type KeyMaterial, OCT_SIZES } from '../../src/model/key.ts';
import { decodeEcPoint } from '../../src/pkcs11/ec_point.ts';
import {
  importTemplate,
  keyPairTemplates,
  type ObjectPlacement,
  publicKeyTemplate,
  secretKeyTemplate,
  unwrapTemplate,
} from '../../src/pkcs11/key_template.ts';
import { MECHANISM } from '../../src/pkcs11/mechanism.ts';
import { POOL_KEY_LABEL } from '../../src/pkcs11/pool_key_template.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import { digestInfo } from '../../src/pkcs11/signature_format.ts';
import { decodeTemplate, encodeTemplate, KEY_TYPE, OBJECT_CLASS } from '../../src/pkcs11/template.ts';
import { returnValueOf, SoftHsmToken } from './softhsm_token.ts';

const SESSION: ObjectPlacement = { kind: 'session', private: true };
const PUBLIC_SESSION: ObjectPlacement = { kind: 'session', private: false };
const DIGEST = createHash('sha256').update('a message').digest();
/** The names of node:crypto and of JWK alike, but for P-256K. */
const NODE_CURVE: Readonly<Record<Curve, string>> = {
  'P-256': 'P-256',
  'P-256K': 'secp256k1',
  'P-384': 'P-384',
  'P-521': 'P-521',
};
const ECDSA = { mechanism: MECHANISM.CKM_ECDSA };

let token: SoftHsmToken;
let kek: Handle;

test.before(async () => {
  token = await SoftHsmToken.open();
  const label = Buffer.from(POOL_KEY_LABEL.kek);
  const [found] = token.find(encodeTemplate({ CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY, CKA_LABEL: label }));
  if (found === undefined) throw new Error('The token has no KEK.');
  kek = found;
});
test.after.always(() => token?.close());

function flags(object: Handle, types: readonly number[]): boolean[] {
  return token.attributes(object, types).map((value) => value[0] === 1);
}

const GUARDS = [pkcs11js.CKA_SENSITIVE, pkcs11js.CKA_EXTRACTABLE, pkcs11js.CKA_PRIVATE, pkcs11js.CKA_TOKEN];
const PRIVATE_USES = [
  pkcs11js.CKA_SIGN,
  pkcs11js.CKA_DECRYPT,
  pkcs11js.CKA_UNWRAP,
  pkcs11js.CKA_SIGN_RECOVER,
  pkcs11js.CKA_DERIVE,
];
const SECRET_USES = [
  pkcs11js.CKA_ENCRYPT,
  pkcs11js.CKA_DECRYPT,
  pkcs11js.CKA_WRAP,
  pkcs11js.CKA_UNWRAP,
  pkcs11js.CKA_SIGN,
  pkcs11js.CKA_VERIFY,
  pkcs11js.CKA_DERIVE,
];

function publicKeyOf(curve: Curve, publicKey: Handle) {
  const [point] = token.attributes(publicKey, [pkcs11js.CKA_EC_POINT]);
  return decodeEcPoint(curve, point ?? Buffer.alloc(0));
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const fromBase64url = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');

for (const curve of CURVES) {
  for (const placement of [SESSION, PUBLIC_SESSION]) {
    const kind = placement === SESSION ? 'private' : 'public';
    test(`a ${curve} key leaves the token wrapped once and comes back as a ${kind} session object that only signs`, (t) => {
      const spec = { keyType: 'EC-HSM', curve } as const;
      const pair = token.generateKeyPair(MECHANISM.CKM_EC_KEY_PAIR_GEN, keyPairTemplates(spec, SESSION, 'extractable'));
      t.deepEqual(flags(pair.privateKey, GUARDS), [true, true, true, false]);
      const wrapped = token.wrap(kek, pair.privateKey);
      const key = token.unwrap(kek, wrapped, unwrapTemplate('EC-HSM', 'private', placement));
      t.deepEqual(flags(key, GUARDS), [true, false, placement === SESSION, false]);
      t.deepEqual(flags(key, PRIVATE_USES), [true, false, false, false, false]);
      t.is(
        returnValueOf(() => token.wrap(kek, key)),
        RETURN_VALUE.CKR_KEY_UNEXTRACTABLE,
      );
      t.is(
        returnValueOf(() => token.attributes(key, [pkcs11js.CKA_VALUE])),
        RETURN_VALUE.CKR_ATTRIBUTE_SENSITIVE,
      );

      const signature = token.sign(ECDSA, key, DIGEST);
      t.is(signature.length, 2 * CURVE_BYTES[curve]);
      const { x, y } = publicKeyOf(curve, pair.publicKey);
      const publicKey = token.create(publicKeyTemplate({ keyType: 'EC-HSM', curve, x, y }, placement));
      t.true(token.verify(ECDSA, publicKey, DIGEST, signature));
      const jwk: JsonWebKey = { kty: 'EC', crv: NODE_CURVE[curve], x: base64url(x), y: base64url(y) };
      const outside = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const;
      t.true(verifySignature('sha256', Buffer.from('a message'), outside, signature));
    });
  }

  test(`an imported ${curve} key signs what its public half verifies outside`, (t) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: NODE_CURVE[curve] });
    const jwk = privateKey.export({ format: 'jwk' });
    const material: KeyMaterial = {
      keyType: 'EC-HSM',
      curve,
      x: fromBase64url(jwk.x),
      y: fromBase64url(jwk.y),
      privateValue: fromBase64url(jwk.d),
    };
    const imported = token.create(importTemplate(material, SESSION, 'extractable'));
    const key = token.unwrap(kek, token.wrap(kek, imported), unwrapTemplate('EC-HSM', 'private', SESSION));
    const signature = token.sign(ECDSA, key, DIGEST);
    const outside = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
    t.true(verifySignature('sha256', Buffer.from('a message'), outside, signature));
  });
}

test('an RSA key leaves the token wrapped once and comes back to sign and decrypt', (t) => {
  const spec = { keyType: 'RSA-HSM', size: 2048, publicExponent: 65537 } as const;
  const pair = token.generateKeyPair(
    MECHANISM.CKM_RSA_PKCS_KEY_PAIR_GEN,
    keyPairTemplates(spec, SESSION, 'extractable'),
  );
  const key = token.unwrap(kek, token.wrap(kek, pair.privateKey), unwrapTemplate('RSA-HSM', 'private', SESSION));
  t.deepEqual(flags(key, GUARDS), [true, false, true, false]);
  t.deepEqual(flags(key, PRIVATE_USES), [true, true, false, false, false]);
  t.is(
    returnValueOf(() => token.wrap(kek, key)),
    RETURN_VALUE.CKR_KEY_UNEXTRACTABLE,
  );

  const [modulus, publicExponent] = token.attributes(pair.publicKey, [
    pkcs11js.CKA_MODULUS,
    pkcs11js.CKA_PUBLIC_EXPONENT,
  ]);
  if (modulus === undefined || publicExponent === undefined) throw new Error('The public key has no modulus.');
  t.deepEqual([modulus.length, publicExponent.toString('hex')], [256, '010001']);
  const leadingZero = Buffer.concat([Buffer.alloc(1), modulus]);
  const publicKey = token.create(
    publicKeyTemplate({ keyType: 'RSA-HSM', modulus: leadingZero, publicExponent }, SESSION),
  );

  const pkcs1 = { mechanism: MECHANISM.CKM_RSA_PKCS };
  const signature = token.sign(pkcs1, key, digestInfo('SHA-256', DIGEST));
  t.true(token.verify(pkcs1, publicKey, digestInfo('SHA-256', DIGEST), signature));
  const jwk: JsonWebKey = { kty: 'RSA', n: base64url(modulus), e: base64url(publicExponent) };
  t.true(verifySignature('sha256', Buffer.from('a message'), createPublicKey({ key: jwk, format: 'jwk' }), signature));
  const ciphertext = token.encrypt(pkcs1, publicKey, Buffer.from('secret'));
  t.is(token.decrypt(pkcs1, key, ciphertext).toString(), 'secret');
});

test('an imported RSA key signs what its public half verifies outside', (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = privateKey.export({ format: 'jwk' });
  const material: KeyMaterial = {
    keyType: 'RSA-HSM',
    modulus: fromBase64url(jwk.n),
    publicExponent: fromBase64url(jwk.e),
    privateExponent: fromBase64url(jwk.d),
    prime1: fromBase64url(jwk.p),
    prime2: fromBase64url(jwk.q),
    exponent1: fromBase64url(jwk.dp),
    exponent2: fromBase64url(jwk.dq),
    coefficient: fromBase64url(jwk.qi),
  };
  const imported = token.create(importTemplate(material, SESSION, 'extractable'));
  const key = token.unwrap(kek, token.wrap(kek, imported), unwrapTemplate('RSA-HSM', 'private', SESSION));
  const signature = token.sign({ mechanism: MECHANISM.CKM_RSA_PKCS }, key, digestInfo('SHA-256', DIGEST));
  t.true(verifySignature('sha256', Buffer.from('a message'), publicKey, signature));
});

for (const size of OCT_SIZES) {
  test(`one wrapped AES-${size} key comes back as an AES key and as a generic secret of the same value`, (t) => {
    const made = token.generateKey(
      MECHANISM.CKM_AES_KEY_GEN,
      secretKeyTemplate({ keyType: 'oct-HSM', size }, SESSION, 'extractable'),
    );
    const wrapped = token.wrap(kek, made);
    const aes = token.unwrap(kek, wrapped, unwrapTemplate('oct-HSM', 'secret', SESSION));
    const generic = token.unwrap(kek, wrapped, unwrapTemplate('oct-HSM', 'genericSecret', SESSION));
    t.deepEqual(flags(aes, GUARDS), [true, false, true, false]);
    t.deepEqual(flags(generic, GUARDS), [true, false, true, false]);
    t.deepEqual(flags(aes, SECRET_USES), [true, true, true, true, false, false, false]);
    t.deepEqual(flags(generic, SECRET_USES), [false, false, false, false, true, true, false]);

    const cbc = { mechanism: MECHANISM.CKM_AES_CBC, parameter: Buffer.alloc(16, 7) };
    const plaintext = Buffer.alloc(32, 9);
    t.deepEqual(token.decrypt(cbc, aes, token.encrypt(cbc, made, plaintext)), plaintext);
    const hmac = { mechanism: MECHANISM.CKM_SHA256_HMAC };
    t.is(
      returnValueOf(() => token.sign(hmac, generic, DIGEST)),
      size === 256 ? undefined : RETURN_VALUE.CKR_KEY_SIZE_RANGE,
    );
    t.is(
      returnValueOf(() => token.sign(hmac, aes, DIGEST)),
      RETURN_VALUE.CKR_KEY_FUNCTION_NOT_PERMITTED,
    );
  });
}

test('an imported oct key has the value that was given', (t) => {
  const value = Buffer.alloc(32, 0x21);
  const aes = token.create(importTemplate({ keyType: 'oct-HSM', value }, SESSION, 'extractable'));
  const generic = token.unwrap(kek, token.wrap(kek, aes), unwrapTemplate('oct-HSM', 'genericSecret', SESSION));
  const known = token.create(
    encodeTemplate({
      CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
      CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET,
      CKA_TOKEN: false,
      CKA_SIGN: true,
      CKA_VALUE: value,
    }),
  );
  const hmac = { mechanism: MECHANISM.CKM_SHA256_HMAC };
  t.deepEqual(token.sign(hmac, generic, DIGEST), token.sign(hmac, known, DIGEST));
});

test('a resident key pair is found in the token by its id, private and never extractable', (t) => {
  const id = Buffer.alloc(16, 0xd1);
  const placement: ObjectPlacement = { kind: 'token', id, label: 'resident pair' };
  const spec = { keyType: 'EC-HSM', curve: 'P-256' } as const;
  token.generateKeyPair(MECHANISM.CKM_EC_KEY_PAIR_GEN, keyPairTemplates(spec, placement, 'locked'));
  const [privateKey, ...more] = token.find(encodeTemplate({ CKA_CLASS: OBJECT_CLASS.CKO_PRIVATE_KEY, CKA_ID: id }));
  const [publicKey] = token.find(encodeTemplate({ CKA_CLASS: OBJECT_CLASS.CKO_PUBLIC_KEY, CKA_ID: id }));
  if (privateKey === undefined || publicKey === undefined) return t.fail();
  t.is(more.length, 0);
  t.deepEqual(flags(privateKey, GUARDS), [true, false, true, true]);
  t.deepEqual(flags(privateKey, [pkcs11js.CKA_NEVER_EXTRACTABLE, pkcs11js.CKA_ALWAYS_SENSITIVE]), [true, true]);
  t.is(token.attributes(privateKey, [pkcs11js.CKA_LABEL])[0]?.toString(), 'resident pair');
  t.true(token.verify(ECDSA, publicKey, DIGEST, token.sign(ECDSA, privateKey, DIGEST)));
  return undefined;
});

test('a resident oct key and its generic secret come from one wrapped value', (t) => {
  const made = token.generateKey(
    MECHANISM.CKM_AES_KEY_GEN,
    secretKeyTemplate({ keyType: 'oct-HSM', size: 256 }, SESSION, 'extractable'),
  );
  const wrapped = token.wrap(kek, made);
  const placement: ObjectPlacement = { kind: 'token', id: Buffer.alloc(16, 0xd2), label: 'resident oct' };
  const aes = token.unwrap(kek, wrapped, unwrapTemplate('oct-HSM', 'secret', placement));
  const generic = token.unwrap(kek, wrapped, unwrapTemplate('oct-HSM', 'genericSecret', placement));
  t.deepEqual(flags(aes, GUARDS), [true, false, true, true]);
  t.deepEqual(flags(generic, GUARDS), [true, false, true, true]);
  t.is(token.find(encodeTemplate({ CKA_ID: placement.id })).length, 2);
});

test('templates for unwrapping into a session are encoded once', (t) => {
  t.is(unwrapTemplate('EC-HSM', 'private', SESSION), unwrapTemplate('EC-HSM', 'private', SESSION));
  t.not(unwrapTemplate('EC-HSM', 'private', SESSION), unwrapTemplate('EC-HSM', 'private', PUBLIC_SESSION));
  t.not(unwrapTemplate('EC-HSM', 'private', SESSION), unwrapTemplate('RSA-HSM', 'private', SESSION));
});

test('a key of one type has no object of another', (t) => {
  t.throws(() => unwrapTemplate('EC-HSM', 'secret', SESSION), { instanceOf: TypeError });
  t.throws(() => unwrapTemplate('oct-HSM', 'private', SESSION), { instanceOf: TypeError });
});

test('every unwrapped key is sensitive and not extractable, whatever the placement', (t) => {
  const placements: ObjectPlacement[] = [SESSION, PUBLIC_SESSION, { kind: 'token', id: Buffer.alloc(16), label: 'x' }];
  for (const placement of placements) {
    const rows = [
      unwrapTemplate('RSA-HSM', 'private', placement),
      unwrapTemplate('EC-HSM', 'private', placement),
      unwrapTemplate('oct-HSM', 'secret', placement),
      unwrapTemplate('oct-HSM', 'genericSecret', placement),
    ];
    for (const row of rows) {
      const values = new Map(decodeTemplate(row).map(({ type, value }) => [type, value?.[0]]));
      t.is(values.get(pkcs11js.CKA_SENSITIVE), 1);
      t.is(values.get(pkcs11js.CKA_EXTRACTABLE), 0);
      t.is(values.get(pkcs11js.CKA_PRIVATE), placement === PUBLIC_SESSION ? 0 : 1);
    }
  }
});
