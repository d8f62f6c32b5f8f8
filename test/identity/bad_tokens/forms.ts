import { deflateRawSync } from 'node:zlib';
import { CompactEncrypt, EncryptJWT } from 'jose';
import { LIMITS } from '../../../src/model/limits.ts';
import {
  compact,
  encode,
  goodClaims,
  goodToken,
  OBJECT_ID,
  otherToken,
  RS256_HEADER,
  rs256,
  rsa,
  TENANT,
} from '../token_fixture.ts';
import type { BadToken } from './bad_token.ts';

const CLAIMS = goodClaims();
const GOOD = goodToken();
const [HEADER = '', PAYLOAD = '', SIGNATURE = ''] = GOOD.split('.');
const own = rs256(rsa.privateKey);

/** Signed over exactly these bytes, which need not be JSON. */
function signedOver(header: string | Buffer, claims: string | Buffer): string {
  const input = `${Buffer.from(header).toString('base64url')}.${Buffer.from(claims).toString('base64url')}`;
  return `${input}.${own(input).toString('base64url')}`;
}

/** RFC 8725 §2.2, §3.6 and what makes a decrypter work for nothing: none is ever decrypted. */
async function encrypted(): Promise<BadToken[]> {
  const bytes = new TextEncoder().encode(GOOD);
  const jwe = (header: Record<string, unknown>): string =>
    `${encode(header)}.AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA`;
  const bomb = deflateRawSync(Buffer.alloc(4 * 1024 * 1024))
    .toString('base64url')
    .slice(0, 8_000);
  return [
    [
      'an encrypted token',
      await new EncryptJWT(CLAIMS).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(new Uint8Array(32)),
    ],
    [
      'a token encrypted for our signing key',
      await new CompactEncrypt(bytes)
        .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' })
        .encrypt(rsa.publicKey),
    ],
    [
      'PBES2 that counts to two thousand million',
      jwe({ alg: 'PBES2-HS256+A128KW', enc: 'A128CBC-HS256', p2c: 2 ** 31, p2s: 'AAAAAAAAAAA' }),
    ],
    ['PBES2 that counts to one', jwe({ alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 1, p2s: 'AAAAAAAAAAA' })],
    [
      'a bomb in an encrypted token',
      `${encode({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAAAAAAAAAAAAAA.${bomb}.AAAAAAAAAAAAAAAAAAAAAA`,
    ],
    ['a bomb in a signed token', `${encode({ ...RS256_HEADER, zip: 'DEF' })}.${bomb}.${SIGNATURE}`],
    [
      'ECDH-ES with a point that is none',
      jwe({ alg: 'ECDH-ES', enc: 'A256GCM', epk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' } }),
    ],
    ['RSA1_5', jwe({ alg: 'RSA1_5', enc: 'A128CBC-HS256', kid: 'rsa' })],
    [
      'compressed claims with a good signature',
      signedOver(JSON.stringify({ ...RS256_HEADER, zip: 'DEF' }), deflateRawSync(Buffer.from(JSON.stringify(CLAIMS)))),
    ],
  ];
}

/** The same in other serialisations, and texts that are none. */
function* serialisations(): Iterable<BadToken> {
  const flattened = { protected: HEADER, payload: PAYLOAD, signature: SIGNATURE };
  yield ['flattened JSON', JSON.stringify(flattened)];
  yield ['flattened JSON as base64url', encode(flattened)];
  yield [
    'general JSON',
    JSON.stringify({ payload: PAYLOAD, signatures: [{ protected: HEADER, signature: SIGNATURE }] }),
  ];
  yield ['a token in a token', signedOver(JSON.stringify({ ...RS256_HEADER, cty: 'JWT' }), GOOD)];
  yield [
    'a token in quotes in a token',
    signedOver(JSON.stringify({ ...RS256_HEADER, cty: 'JWT' }), JSON.stringify(GOOD)),
  ];
  yield ['detached claims', `${HEADER}..${SIGNATURE}`];
  yield ['no signature', `${HEADER}.${PAYLOAD}.`];
  yield ['two parts', `${HEADER}.${PAYLOAD}`];
  yield ['four parts', `${GOOD}.${SIGNATURE}`];
  yield ['five parts', `${GOOD}.AAAA.AAAA`];
  yield ['an empty part in front', `.${GOOD}`];
  yield ['an empty part behind', `${GOOD}.`];
  yield ['a selective disclosure', `${GOOD}~WyJzYWx0Iiwib2lkIiwicm9vdCJd~`];
  yield ['a token with its scheme again', `Bearer ${GOOD}`];
  yield ['two tokens with a comma', `${GOOD},${GOOD}`];
  yield ['two tokens with a blank', `${GOOD} ${otherToken()}`];
  yield ['a token in quotes', `"${GOOD}"`];
  yield ['a token in brackets', `<${GOOD}>`];
  yield ['a percent-encoded token', GOOD.replaceAll('.', '%2E')];
  yield ['a token with a parameter', `${GOOD};realm=x`];
  for (const text of [
    '.',
    '..',
    '...',
    'a',
    'a.b',
    'a.b.c',
    'null',
    'undefined',
    '[object Object]',
    '{}',
    '*',
    '=',
    OBJECT_ID,
    TENANT,
  ]) {
    yield [`the text ${text}`, text];
  }
  yield ['ten thousand letters', 'a'.repeat(10_000)];
  yield ['ten thousand points', '.'.repeat(10_000)];
  yield ['a secret of Azure', '~8Q~abcdefghijklmnopqrstuvwxyz0123456'];
  yield ['a SAML assertion', encode('<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>')];
  yield ['a PASETO', `v4.public.${PAYLOAD}`];
  yield ['a macaroon', `MDAxY2xvY2F0aW9uIGxvY2FsaG9zdAo${PAYLOAD}`];
}

/** Encodings of base64url that a lenient decoder takes for the same bytes. */
function* encodings(): Iterable<BadToken> {
  for (const [index, part] of ['header', 'claims', 'signature'].entries()) {
    const changed = (change: (text: string) => string): string =>
      GOOD.split('.')
        .map((each, at) => (at === index ? change(each) : each))
        .join('.');
    yield [`padding behind the ${part}`, changed((text) => text.padEnd(Math.ceil((text.length + 1) / 4) * 4, '='))];
    yield [`one = behind the ${part}`, changed((text) => `${text}=`)];
    yield [`a plus in the ${part}`, changed((text) => `${text.slice(0, 5)}+${text.slice(6)}`)];
    yield [`a slash in the ${part}`, changed((text) => `${text.slice(0, 5)}/${text.slice(6)}`)];
    yield [`a blank in the ${part}`, changed((text) => `${text.slice(0, 5)} ${text.slice(5)}`)];
    yield [`a tab in the ${part}`, changed((text) => `${text.slice(0, 5)}\t${text.slice(5)}`)];
    yield [`an asterisk in the ${part}`, changed((text) => `${text.slice(0, 5)}*${text.slice(5)}`)];
    yield [`a letter more in the ${part}`, changed((text) => `${text}A`)];
    yield [`the ${part} twice`, changed((text) => text + text)];
    yield [
      `the ${part} as standard base64`,
      changed((text) => `${Buffer.from(text, 'base64url').toString('base64')}==`),
    ];
    yield [`the ${part} in hexadecimal`, changed((text) => Buffer.from(text, 'base64url').toString('hex'))];
  }
  // 256 bytes are 341 letters and one that carries four bits more than it may have.
  const last = SIGNATURE.slice(-1);
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const first = alphabet.indexOf(last) & ~15;
  for (let bits = 1; bits < 16; bits++) {
    yield [`the signature with stray bits ${bits}`, `${GOOD.slice(0, -1)}${alphabet[first + bits]}`];
  }
}

/** JSON that is read in one way here and in another way elsewhere (RFC 8725 §2.4), or by nobody. */
function* texts(): Iterable<BadToken> {
  const header = JSON.stringify(RS256_HEADER);
  const claims = JSON.stringify(CLAIMS);
  const twice = (text: string, member: string): string => text.replace('{', `{${member},`);
  for (const member of ['"alg":"RS256"', '"alg":"none"', '"kid":"ec"', '"typ":"JWT"', '"\\u0061lg":"RS256"']) {
    yield [`a header with ${member} as well`, signedOver(twice(header, member), claims)];
  }
  for (const member of [
    `"oid":"${TENANT}"`,
    `"oid":"${OBJECT_ID}"`,
    '"iss":"https://evil.example"',
    '"exp":1',
    '"aud":"x"',
    '"\\u006fid":"x"',
  ]) {
    yield [`claims with ${member} as well`, signedOver(header, twice(claims, member))];
  }
  yield ['members twice deep inside', signedOver(header, twice(claims, '"x":{"a":1,"a":2}'))];
  const broken: readonly [what: string, text: string | Buffer][] = [
    ['empty', ''],
    ['no JSON', 'x'],
    ['a list', '[]'],
    ['a list of claims', `[${claims}]`],
    ['null', 'null'],
    ['a number', '5'],
    ['a text', '"x"'],
    ['an empty object', '{}'],
    ['JSON with a comment', `${claims.slice(0, -1)}/**/}`],
    ['JSON with a comma too many', `${claims.slice(0, -1)},}`],
    ['JSON with single quotes', claims.replaceAll('"', "'")],
    ['two objects', claims + claims],
    ['JSON with a mark in front', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(claims)])],
    ['UTF-16', Buffer.from(claims, 'utf16le')],
    [
      'no UTF-8',
      Buffer.concat([
        Buffer.from(claims.slice(0, -1)),
        Buffer.from(',"x":"'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('"}'),
      ]),
    ],
    [
      'an overlong encoding',
      Buffer.concat([
        Buffer.from(claims.slice(0, -1)),
        Buffer.from(',"x":"'),
        Buffer.from([0xc0, 0xae]),
        Buffer.from('"}'),
      ]),
    ],
    ['deeply nested', `${claims.slice(0, -1)},"x":${'['.repeat(100)}${']'.repeat(100)}}`],
    [
      'full of members',
      `${claims.slice(0, -1)},"x":{${Array.from({ length: LIMITS.jsonMembers + 1 }, (_, i) => `"${i.toString(36)}":1`).join()}}}`,
    ],
  ];
  for (const [what, text] of broken) {
    yield [`claims that are ${what}`, signedOver(header, text)];
    if (text !== '{}') yield [`a header that is ${what}`, signedOver(text, claims)];
  }
  yield ['a token of 64 kB', goodToken({ x: 'x'.repeat(64 * 1024) })];
  yield ['a token that is longer than one may be', goodToken({ x: 'x'.repeat(LIMITS.accessTokenCharacters) })];
  yield ['a header of 64 kB', compact({ ...RS256_HEADER, x: 'x'.repeat(64 * 1024) }, CLAIMS, own)];
  yield ['a signature of 64 kB', `${HEADER}.${PAYLOAD}.${'A'.repeat(64 * 1024)}`];
}

export const BAD_FORMS: readonly BadToken[] = [...(await encrypted()), ...serialisations(), ...encodings(), ...texts()];
