import test from 'ava';
import { Authenticator } from '../../src/identity/authenticator.ts';
import { type Claims, compact, ec, es256, goodClaims, goodToken, issuer, OBJECT_ID, TENANT } from './token_fixture.ts';

const authenticator = new Authenticator([issuer]);
const now = Math.floor(Date.now() / 1000);

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
  ['with an iat of long ago', { iat: 0 }],
] as const) {
  test(`accepted: a token ${what}`, async (t) => {
    t.is((await authenticator.authenticate(goodToken(changes as Claims))).objectId, OBJECT_ID);
  });
}
