import { constants, generateKeyPairSync, privateEncrypt, sign } from 'node:crypto';
import { UnsecuredJWT } from 'jose';
import {
  type Claims,
  compact,
  ec,
  encode,
  entraRsa,
  es256,
  es384,
  goodClaims,
  goodEcToken,
  goodToken,
  hs256,
  OTHER_AUDIENCE,
  OTHER_ISSUER,
  otherEc,
  otherRsa,
  ps256,
  RS256_HEADER,
  rs256,
  rsa,
  rsaJwk,
  type Signer,
  strangerRsa,
} from '../token_fixture.ts';
import type { BadToken } from './bad_token.ts';

const CLAIMS = goodClaims();
const OTHER_CLAIMS = { ...CLAIMS, iss: OTHER_ISSUER, aud: OTHER_AUDIENCE };
const own = rs256(rsa.privateKey);
const nothing: Signer = () => Buffer.alloc(0);
const withAlg = (alg: unknown, signer: Signer): string => compact({ ...RS256_HEADER, alg }, CLAIMS, signer);

/** RFC 8725 §2.1, §3.1: what is no algorithm of ours, whatever stands behind it. */
function* namesOfAlgorithms(): Iterable<BadToken> {
  for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', '', 'null', 'undefined']) {
    yield [`alg ${JSON.stringify(alg)} without a signature`, withAlg(alg, nothing)];
    yield [`alg ${JSON.stringify(alg)} with a point behind it`, `${encode({ alg })}.${encode(CLAIMS)}.`];
    yield [`alg ${JSON.stringify(alg)} with a signature of ours`, withAlg(alg, own)];
  }
  yield ['an unsecured token of a library', new UnsecuredJWT(CLAIMS).encode()];
  yield ['no alg', compact({ kid: 'rsa', typ: 'JWT' }, CLAIMS, own)];
  const odd = ['rs256', 'RS-256', ' RS256', 'RS256 ', 'RS256\u0000', 'RS256,none', 'RSA', 'RS1', 'SHA256withRSA'];
  const others = [
    'RSA-OAEP',
    'RSA1_5',
    'dir',
    'A128KW',
    'PBES2-HS256+A128KW',
    'ES256K',
    'EdDSA',
    'Ed25519',
    'ML-DSA-44',
  ];
  for (const alg of [...odd, ...others, '__proto__', 'constructor', 'toString']) {
    yield [`alg ${JSON.stringify(alg)} with a signature of ours`, withAlg(alg, own)];
  }
  for (const alg of [null, 256, 0, true, false, [], ['RS256'], {}, { alg: 'RS256' }]) {
    yield [`alg ${JSON.stringify(alg)}`, withAlg(alg, own)];
  }
  for (const alg of ['RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'HS256']) {
    yield [`alg ${alg} over an RS256 signature`, withAlg(alg, own)];
  }
}

/** RFC 8725 §2.1: the public key as the secret of an HMAC, in all the forms in which it is at hand. */
function* confusedKeys(): Iterable<BadToken> {
  const pem = String(rsa.publicKey.export({ type: 'spki', format: 'pem' }));
  const pkcs1 = String(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }));
  const secrets: readonly [form: string, secret: string | Buffer][] = [
    ['PEM', pem],
    ['PEM without its last line break', pem.trim()],
    ['PEM with CRLF', pem.replaceAll('\n', '\r\n')],
    ['PKCS#1 in PEM', pkcs1],
    ['DER', rsa.publicKey.export({ type: 'spki', format: 'der' })],
    ['PKCS#1 in DER', rsa.publicKey.export({ type: 'pkcs1', format: 'der' })],
    ['JWK', JSON.stringify(rsaJwk)],
    ['modulus', Buffer.from(rsaJwk.n ?? '', 'base64url')],
    ['modulus as text', rsaJwk.n ?? ''],
    ['kid', 'rsa'],
    ['nothing', ''],
  ];
  for (const [form, secret] of secrets) {
    yield [`HS256 with the public key as ${form}`, withAlg('HS256', hs256(secret))];
    yield [`RS256 announced, HMAC by the public key as ${form}`, withAlg('RS256', hs256(secret))];
  }
}

/** Keys of one kind or of one issuer in place of those of another; among them the forgery of Storm-0558. */
function* keysOfOthers(): Iterable<BadToken> {
  const ed = generateKeyPairSync('ed25519');
  const eds: Signer = (input) => sign(null, Buffer.from(input), ed.privateKey);
  const hash =
    (name: string): Signer =>
    (input) =>
      sign(name, Buffer.from(input), rsa.privateKey);
  const rows: readonly [what: string, header: Claims, claims: Claims, signer: Signer][] = [
    ['RS256 against the EC key', { ...RS256_HEADER, kid: 'ec' }, CLAIMS, own],
    ['ES256 against the RSA key', { alg: 'ES256', kid: 'rsa' }, CLAIMS, es256(ec.privateKey)],
    [
      'a real PS256 signature, which the issuer does not use',
      { ...RS256_HEADER, alg: 'PS256' },
      CLAIMS,
      ps256(rsa.privateKey),
    ],
    ['a PS256 signature that says RS256', RS256_HEADER, CLAIMS, ps256(rsa.privateKey)],
    ['a real RS384 signature', { ...RS256_HEADER, alg: 'RS384' }, CLAIMS, hash('sha384')],
    ['a real RS512 signature', { ...RS256_HEADER, alg: 'RS512' }, CLAIMS, hash('sha512')],
    ['an RSA signature over SHA-1', RS256_HEADER, CLAIMS, hash('sha1')],
    ['an RSA signature over SHA-512', RS256_HEADER, CLAIMS, hash('sha512')],
    [
      'a real RS256 signature of an issuer that uses PS256',
      { alg: 'RS256', kid: 'rsa' },
      OTHER_CLAIMS,
      rs256(otherRsa.privateKey),
    ],
    ['a PS256 signature without salt', { alg: 'PS256', kid: 'rsa' }, OTHER_CLAIMS, ps256(otherRsa.privateKey, 0)],
    [
      'a PS256 signature with a salt that is too long',
      { alg: 'PS256', kid: 'rsa' },
      OTHER_CLAIMS,
      ps256(otherRsa.privateKey, 64),
    ],
    ['an RS256 signature that says PS256', { alg: 'PS256', kid: 'rsa' }, OTHER_CLAIMS, rs256(otherRsa.privateKey)],
    ['EdDSA with a key of its own', { alg: 'EdDSA', kid: 'ed' }, CLAIMS, eds],
    ['a signature of somebody else', RS256_HEADER, CLAIMS, rs256(strangerRsa.privateKey)],
    ['a signature of somebody else without kid', { alg: 'RS256' }, CLAIMS, rs256(strangerRsa.privateKey)],
    ["the other issuer's RSA key under the same kid", RS256_HEADER, CLAIMS, rs256(otherRsa.privateKey)],
    ["the other issuer's EC key under the same kid", { alg: 'ES384', kid: 'ec' }, CLAIMS, es384(otherEc.privateKey)],
    ["Entra's key for the embedded issuer", { ...RS256_HEADER, kid: 'entra' }, CLAIMS, rs256(entraRsa.privateKey)],
    ["Entra's key under the embedded issuer's kid", RS256_HEADER, CLAIMS, rs256(entraRsa.privateKey)],
    ['our key for the other issuer', { alg: 'PS256', kid: 'rsa' }, OTHER_CLAIMS, ps256(rsa.privateKey)],
    ['our EC key for the other issuer', { alg: 'ES256', kid: 'ec' }, OTHER_CLAIMS, es256(ec.privateKey)],
  ];
  for (const [what, header, claims, signer] of rows) yield [what, compact(header, claims, signer)];
}

const ORDERS = {
  ES256: BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
  ES384: BigInt(`0x${'f'.repeat(48)}c7634d81f4372ddf581a0db248b0a77aecec196accc52973`),
};

/** CVE-2022-21449, and what else is no signature by a curve. */
function* psychicSignatures(): Iterable<BadToken> {
  for (const [alg, bytes, claims] of [
    ['ES256', 32, CLAIMS],
    ['ES384', 48, OTHER_CLAIMS],
  ] as const) {
    const order = ORDERS[alg];
    const numbers: readonly [name: string, value: bigint][] = [
      ['0', 0n],
      ['1', 1n],
      ['n - 1', order - 1n],
      ['n', order],
      ['n + 1', order + 1n],
      ['the largest number', 2n ** BigInt(8 * bytes) - 1n],
    ];
    const header = { alg, kid: 'ec' };
    const written = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
    for (const [nameOfR, r] of numbers) {
      for (const [nameOfS, s] of numbers) {
        const signer: Signer = () => Buffer.concat([written(r), written(s)]);
        yield [`${alg} with r = ${nameOfR} and s = ${nameOfS}`, compact(header, claims, signer)];
      }
    }
    for (const length of [1, 2, bytes, 2 * bytes - 1, 2 * bytes + 1, 4 * bytes]) {
      yield [`${alg} with ${length} zeros`, compact(header, claims, () => Buffer.alloc(length))];
    }
  }
}

function* spoiltSignatures(): Iterable<BadToken> {
  const inDer = compact({ alg: 'ES256', kid: 'ec' }, CLAIMS, es256(ec.privateKey, 'der'));
  yield ['an ES256 signature in DER', inDer];
  yield [
    'an ES384 signature in DER',
    compact({ alg: 'ES384', kid: 'ec' }, OTHER_CLAIMS, es384(otherEc.privateKey, 'der')),
  ];
  const halves =
    (change: (r: Buffer, s: Buffer) => Buffer[]): Signer =>
    (input) => {
      const signature = es256(ec.privateKey)(input);
      return Buffer.concat(change(signature.subarray(0, 32), signature.subarray(32)));
    };
  const es = (signer: Signer): string => compact({ alg: 'ES256', kid: 'ec' }, CLAIMS, signer);
  yield ['an ES256 signature with r and s the other way round', es(halves((r, s) => [s, r]))];
  yield ['an ES256 signature with s for r', es(halves((_r, s) => [s, s]))];
  yield ['an ES256 signature with a zero in front', es(halves((r, s) => [Buffer.alloc(1), r, s]))];
  yield ['an ES256 signature with a zero behind', es(halves((r, s) => [r, s, Buffer.alloc(1)]))];
  yield ['an ES256 signature without its last byte', es(halves((r, s) => [r, s.subarray(0, 31)]))];
  for (const [what, change] of [
    ['cut to one byte', (own: Buffer) => own.subarray(0, 1)],
    ['cut to half', (own: Buffer) => own.subarray(0, 128)],
    ['without its last byte', (own: Buffer) => own.subarray(0, 255)],
    ['with a byte more', (own: Buffer) => Buffer.concat([own, Buffer.alloc(1)])],
    ['with a zero in front', (own: Buffer) => Buffer.concat([Buffer.alloc(1), own])],
    ['twice', (own: Buffer) => Buffer.concat([own, own])],
    ['back to front', (own: Buffer) => Buffer.from(own).reverse()],
    ['all zeros', () => Buffer.alloc(256)],
    ['of the number one', () => Buffer.concat([Buffer.alloc(255), Buffer.from([1])])],
    ['all ones', () => Buffer.alloc(256, 0xff)],
  ] as const) {
    yield [`an RS256 signature ${what}`, compact(RS256_HEADER, CLAIMS, (input) => change(own(input)))];
  }
  yield [
    'an RSA signature over the text itself',
    compact(RS256_HEADER, CLAIMS, (input) =>
      privateEncrypt({ key: rsa.privateKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.from(input).subarray(0, 32)),
    ),
  ];
  const [header, claims, signature] = goodToken().split('.');
  yield ['the signature of another token', `${header}.${claims}.${goodToken({ iat: 1 }).split('.')[2]}`];
  yield ['the signature of an EC token', `${header}.${claims}.${goodEcToken().split('.')[2]}`];
  yield ['a changed claim', `${header}.${encode({ ...CLAIMS, oid: CLAIMS.tid })}.${signature}`];
  yield ['a changed header', `${encode({ ...RS256_HEADER, x: 1 })}.${claims}.${signature}`];
  yield ['the same claims with a blank more', `${header}.${encode(`${JSON.stringify(CLAIMS)} `)}.${signature}`];
}

export const BAD_SIGNATURES: readonly BadToken[] = [
  ...namesOfAlgorithms(),
  ...confusedKeys(),
  ...keysOfOthers(),
  ...psychicSignatures(),
  ...spoiltSignatures(),
];
