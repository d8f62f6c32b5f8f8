import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { EncryptJWT, exportJWK, UnsecuredJWT } from 'jose';
import { Authenticator } from '../../src/identity/authenticator.ts';
import type { TrustedIssuer } from '../../src/identity/issuer.ts';
import {
  AUDIENCE,
  type Claims,
  compact,
  ec,
  encode,
  es256,
  goodClaims,
  goodToken,
  hs256,
  ISSUER,
  issuer,
  OBJECT_ID,
  RS256_HEADER,
  rs256,
  rsa,
  rsaJwk,
  strangerRsa,
  TENANT,
} from './token_fixture.ts';

const authenticator = new Authenticator([issuer]);
const now = Math.floor(Date.now() / 1000);

const refuses = (title: string, token: string | (() => string | Promise<string>)) =>
  test(`refused: ${title}`, async (t) => {
    const text = typeof token === 'string' ? token : await token();
    await t.throwsAsync(async () => authenticator.authenticate(text), { code: 'Unauthorized' });
  });

test('a good token speaks for its object id', async (t) => {
  const claims = { appid: 'app', groups: ['G1', 'g2'], roles: ['admin'], scp: 'x', wids: ['62e90394'] };
  t.deepEqual(await authenticator.authenticate(goodToken(claims)), {
    objectId: OBJECT_ID,
    tenantId: TENANT,
    applicationId: 'app',
    groups: ['g1', 'g2'],
    kind: 'user',
    name: undefined,
  });
});

test('ES256 is accepted of an issuer that signs with it', async (t) => {
  const token = compact({ alg: 'ES256', kid: 'ec', typ: 'at+jwt' }, goodClaims(), es256(ec.privateKey));
  t.is((await authenticator.authenticate(token)).objectId, OBJECT_ID);
});

for (const [what, changes] of [
  ['without nbf and iat', { nbf: undefined, iat: undefined }],
  ['that began 50 s from now', { nbf: now + 50 }],
  ['that ended 50 s ago', { exp: now - 50 }],
  ['for the domain without port', { aud: 'https://managedhsm.localhost' }],
  ['for the domain with a slash', { aud: 'https://managedhsm.localhost:8443/' }],
  ["for Azure's own name of the service", { aud: 'https://managedhsm.azure.net' }],
  ['with an absurd iat', { iat: 1e15 }],
] as const) {
  test(`accepted: a token ${what}`, async (t) => {
    t.is((await authenticator.authenticate(goodToken(changes as Claims))).objectId, OBJECT_ID);
  });
}

for (const alg of ['none', 'None', 'nOnE', '']) {
  refuses(
    `alg ${JSON.stringify(alg)} with no signature`,
    compact({ ...RS256_HEADER, alg }, goodClaims(), () => Buffer.alloc(0)),
  );
  refuses(
    `alg ${JSON.stringify(alg)} with a real signature`,
    compact({ ...RS256_HEADER, alg }, goodClaims(), rs256(rsa.privateKey)),
  );
}
refuses('an unsecured token of a library', () => new UnsecuredJWT(goodClaims()).encode());
refuses('no alg', compact({ kid: 'rsa', typ: 'JWT' }, goodClaims(), rs256(rsa.privateKey)));

const spki = rsa.publicKey.export({ type: 'spki', format: 'der' });
const spkiPem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
for (const [form, secret] of [
  ['PEM', spkiPem],
  ['PEM without its last line break', String(spkiPem).trim()],
  ['DER', spki],
  ['JWK', JSON.stringify(rsaJwk)],
  ['modulus', Buffer.from(rsaJwk.n ?? '', 'base64url')],
] as const) {
  refuses(`HS256 with the public key as ${form}`, compact({ alg: 'HS256', kid: 'rsa' }, goodClaims(), hs256(secret)));
}

refuses('RS256 against the EC key', compact({ ...RS256_HEADER, kid: 'ec' }, goodClaims(), rs256(rsa.privateKey)));
refuses('ES256 against the RSA key', compact({ alg: 'ES256', kid: 'rsa' }, goodClaims(), es256(ec.privateKey)));
refuses('PS256 with the RS256 key', compact({ ...RS256_HEADER, alg: 'PS256' }, goodClaims(), rs256(rsa.privateKey)));
refuses(
  'RS512, which the issuer does not use',
  compact({ ...RS256_HEADER, alg: 'RS512' }, goodClaims(), rs256(rsa.privateKey)),
);

const ES = { alg: 'ES256', kid: 'ec' };
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
refuses(
  'an ES256 signature of zeros',
  compact(ES, goodClaims(), () => Buffer.alloc(64)),
);
refuses(
  'an ES256 signature with r = s = n',
  compact(ES, goodClaims(), () => Buffer.concat([ORDER, ORDER])),
);
refuses('an ES256 signature in DER', compact(ES, goodClaims(), es256(ec.privateKey, 'der')));
refuses(
  'an ES256 signature of 63 bytes',
  compact(ES, goodClaims(), (input) => es256(ec.privateKey)(input).subarray(0, 63)),
);

refuses('a signature of somebody else', compact(RS256_HEADER, goodClaims(), rs256(strangerRsa.privateKey)));
refuses('a changed claim', () => {
  const [header, , signature] = goodToken().split('.');
  return `${header}.${encode({ ...goodClaims(), oid: TENANT })}.${signature}`;
});
refuses('a changed header', () => {
  const [, claims, signature] = goodToken().split('.');
  return `${encode({ ...RS256_HEADER, x: 1 })}.${claims}.${signature}`;
});
refuses('a signature cut short', () => goodToken().slice(0, -10));

for (const [member, value] of [
  ['jku', 'http://127.0.0.1:9/keys'],
  ['x5u', 'http://127.0.0.1:9/cert'],
  ['jwk', { ...(await exportJWK(strangerRsa.publicKey)), kid: 'rsa', alg: 'RS256' }],
  ['x5c', ['AAAA']],
] as const) {
  refuses(
    `a stranger's signature with its key by ${member}`,
    compact({ ...RS256_HEADER, [member]: value }, goodClaims(), rs256(strangerRsa.privateKey)),
  );
}

test('nothing is fetched for a token that names where its key is', async (t) => {
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    response.end(JSON.stringify({ keys: [rsaJwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  for (const kid of ['rsa', 'unknown', url]) {
    const token = compact({ ...RS256_HEADER, kid, jku: url, x5u: url }, goodClaims(), rs256(strangerRsa.privateKey));
    await t.throwsAsync(async () => authenticator.authenticate(token), { code: 'Unauthorized' });
  }
  t.is(requests, 0);
});

for (const kid of ['unknown', '../../etc/passwd', "' or 1=1", 'k'.repeat(10_000), '__proto__', '']) {
  refuses(`kid ${kid.slice(0, 20)}`, goodToken({}, { kid }));
}
refuses('a kid that is no text', goodToken({}, { kid: ['rsa'] }));
refuses('crit with something unknown', goodToken({}, { crit: ['x'], x: 1 }));
refuses('b64 false', goodToken({}, { crit: ['b64'], b64: false }));
for (const typ of ['id_token', 'logout+jwt', 'dpop+jwt', 'JWE']) refuses(`typ ${typ}`, goodToken({}, { typ }));
refuses('typ that is no text', goodToken({}, { typ: 1 }));

const CLAIMS: readonly [what: string, changes: Claims][] = [
  ['aud missing', { aud: undefined }],
  ['aud an array', { aud: [AUDIENCE] }],
  ['aud of another service', { aud: 'https://vault.azure.net' }],
  ['aud with ours in front', { aud: 'https://managedhsm.localhost.evil.example' }],
  ['aud with ours behind', { aud: 'https://evil.managedhsm.localhost' }],
  ['aud in upper case', { aud: 'https://MANAGEDHSM.localhost' }],
  ['aud over http', { aud: 'http://managedhsm.localhost:8443' }],
  ['aud with a path', { aud: 'https://managedhsm.localhost:8443/x' }],
  ['aud with two slashes', { aud: 'https://managedhsm.localhost:8443//' }],
  ['aud with user', { aud: 'https://managedhsm.localhost:8443@evil.example' }],
  ['iss missing', { iss: undefined }],
  ['iss of somebody else', { iss: `https://sts.windows.net/${TENANT}/` }],
  ['iss of another tenant', { iss: ISSUER.replace('1111', '2222') }],
  ['iss without slash', { iss: ISSUER.slice(0, -1) }],
  ['iss an array', { iss: [ISSUER] }],
  ['tid missing', { tid: undefined }],
  ['tid of another tenant', { tid: OBJECT_ID }],
  ['oid missing', { oid: undefined }],
  ['oid that is no GUID', { oid: 'root' }],
  ['oid a number', { oid: 5 }],
  ['exp missing', { exp: undefined }],
  ['exp a text', { exp: String(now + 3600) }],
  ['exp in fractions', { exp: now + 3600.5 }],
  ['exp negative', { exp: -1 }],
  ['exp 0', { exp: 0 }],
  ['exp 61 s ago', { exp: now - 62 }],
  ['exp null', { exp: null }],
  ['nbf in 62 s', { nbf: now + 62 }],
  ['nbf a text', { nbf: 'x' }],
  ['groups a text', { groups: 'g1' }],
  ['groups of numbers', { groups: [1] }],
];
for (const [what, changes] of CLAIMS) refuses(what, goodToken(changes));

refuses('exp beyond all numbers', () => {
  const input = `${encode(RS256_HEADER)}.${encode(JSON.stringify(goodClaims()).replace(/"exp":\d+/, '"exp":1e999'))}`;
  return `${input}.${rs256(rsa.privateKey)(input).toString('base64url')}`;
});
refuses('claims that are a list', compact(RS256_HEADER, [], rs256(rsa.privateKey)));
refuses('claims that are no JSON', compact(RS256_HEADER, 'x', rs256(rsa.privateKey)));
refuses('a token in a token', () => compact({ ...RS256_HEADER, cty: 'JWT' }, goodToken(), rs256(rsa.privateKey)));
refuses('an encrypted token', () =>
  new EncryptJWT(goodClaims()).setProtectedHeader({ alg: 'dir', enc: 'A256GCM' }).encrypt(new Uint8Array(32)),
);
for (const text of ['', '.', '..', '...', 'a.b.c', 'a.b', `${'a'.repeat(10_000)}`])
  refuses(`the text ${text.slice(0, 10)}`, text);

test("a trusted issuer's key does not sign for another trusted issuer", async (t) => {
  const other: TrustedIssuer = {
    ...issuer,
    issues: (iss) => iss === 'https://other/',
    keys: async () => strangerRsa.publicKey,
  };
  const both = new Authenticator([issuer, other]);
  const forged = compact(RS256_HEADER, goodClaims(), rs256(strangerRsa.privateKey));
  await t.throwsAsync(async () => both.authenticate(forged), { code: 'Unauthorized' });
  const own = compact(RS256_HEADER, { ...goodClaims(), iss: 'https://other/' }, rs256(strangerRsa.privateKey));
  t.is((await both.authenticate(own)).objectId, OBJECT_ID);
});
