import { createPrivateKey, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import test from 'ava';
import { base64url, createLocalJWKSet, exportJWK, SignJWT } from 'jose';
import { ClientAuthenticator } from '../../../src/identity/embedded/client_authenticator.ts';
import type { Application, ClientCertificate } from '../../../src/identity/embedded/directory_objects.ts';
import { ENTRA_ERRORS, EntraError } from '../../../src/identity/embedded/entra_error.ts';
import { FederatedKeys } from '../../../src/identity/embedded/federated_keys.ts';
import { keptCertificate } from '../../../src/identity/embedded/kept_certificate.ts';
import { newApplication } from '../../../src/identity/embedded/new_application.ts';
import {
  type IssuedCertificate,
  issueServerCertificate,
  newAuthority,
} from '../../../src/server/tls/local_authority.ts';
import { directoryOf, TENANT } from './directory_fixture.ts';

const ORIGIN = 'https://login.test:8443';
const ENDPOINT = `${ORIGIN}/${TENANT}/oauth2/v2.0/token`;
const CLUSTER = 'https://cluster.test';
const AUDIENCE = 'api://AzureADTokenExchange';
const SUBJECT = 'system:serviceaccount:payments:signer';
const YEARS_MS = 2 * 365 * 24 * 60 * 60 * 1000;

const authority = await newAuthority('test', ['client.test'], new Date());
const issue = (now = new Date()): Promise<IssuedCertificate> => issueServerCertificate(authority, ['client.test'], now);
const [own, foreign, ended, future] = await Promise.all([
  issue(),
  issue(),
  issue(new Date(Date.now() - YEARS_MS)),
  issue(new Date(Date.now() + YEARS_MS)),
]);
const cluster = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function registered({ certificate }: IssuedCertificate): ClientCertificate {
  const kept = keptCertificate(certificate, undefined);
  if (kept === undefined) throw new Error('no certificate');
  return kept;
}

const { application: plain, servicePrincipal } = newApplication(TENANT, 'test');
const application: Application = {
  ...plain,
  certificates: [own, ended, future].map(registered),
  federatedCredentials: [
    { id: 'f', name: 'cluster', issuer: CLUSTER, subject: SUBJECT, audiences: [AUDIENCE], description: undefined },
    { id: 'g', name: 'plain', issuer: 'http://plain', subject: SUBJECT, audiences: [AUDIENCE], description: undefined },
  ],
};
const { application: otherPlain } = newApplication(TENANT, 'other');
const other: Application = { ...otherPlain, certificates: [registered(foreign)] };
const directory = directoryOf({ applications: [application, other], servicePrincipals: [servicePrincipal] });
const clusterKeys = createLocalJWKSet({ keys: [{ ...(await exportJWK(cluster.publicKey)), kid: 'c' }] });
const federatedKeys = new FederatedKeys(new Map([[CLUSTER, { keys: clusterKeys, algorithms: ['ES256'] }]]));
const authenticator = new ClientAuthenticator({ current: directory }, federatedKeys);

interface Assertion {
  readonly header: Record<string, unknown> & { alg: string };
  readonly claims: Record<string, unknown>;
  readonly key: KeyObject | Uint8Array;
}

const now = (): number => Math.floor(Date.now() / 1000);

/** As client libraries make it; `undefined` members are left out. */
function signed(
  changes: Partial<Assertion['claims']> = {},
  header: Record<string, unknown> = {},
  key?: KeyObject,
): Assertion {
  const { x5tS256 } = registered(own);
  const claims = {
    aud: ENDPOINT,
    iss: application.clientId,
    sub: application.clientId,
    jti: randomUUID(),
    nbf: now(),
    exp: now() + 600,
    ...changes,
  };
  return {
    header: { alg: 'PS256', typ: 'JWT', 'x5t#S256': x5tS256, ...header },
    claims,
    key: key ?? createPrivateKey(own.key),
  };
}

function federated(
  changes: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key?: KeyObject,
): Assertion {
  const claims = { aud: AUDIENCE, iss: CLUSTER, sub: SUBJECT, exp: now() + 3600, iat: now(), ...changes };
  return { header: { alg: 'ES256', kid: 'c', ...header }, claims, key: key ?? cluster.privateKey };
}

function write({ header, claims, key }: Assertion): Promise<string> {
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}

async function show(assertion: string, parameters: Record<string, string> = {}, origin = ORIGIN): Promise<unknown> {
  const form = new URLSearchParams({
    client_id: application.clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
    ...parameters,
  });
  const tenant = { id: TENANT, displayName: 'test' };
  try {
    const client = await authenticator.authenticate({ origin, tenant, version: 'v2', form, authorization: undefined });
    return [client.servicePrincipal.id, client.authentication];
  } catch (error) {
    return error instanceof EntraError ? ENTRA_ERRORS[error.code].number : error;
  }
}

const GOOD = [servicePrincipal.id, 'assertion'];
const { x5t, x5tS256 } = registered(own);

const TAKEN: readonly [what: string, make: () => Assertion][] = [
  ['by PS256 with the SHA-256 digest of the certificate', () => signed()],
  ['by RS256 with the SHA-1 digest', () => signed({}, { alg: 'RS256', 'x5t#S256': undefined, x5t })],
  [
    'with the digest as older libraries write it',
    () => signed({}, { alg: 'RS256', 'x5t#S256': undefined, x5t: `${x5t}=` }),
  ],
  ['with both digests', () => signed({}, { x5t })],
  ['with the chain of its certificate', () => signed({}, { x5c: ['MIIB'] })],
  ['for the older endpoint', () => signed({ aud: `${ORIGIN}/${TENANT}/oauth2/token` })],
  ['for the endpoint by its alias', () => signed({ aud: `${ORIGIN}/adfs/oauth2/v2.0/token` })],
  ['for the endpoint in other letters', () => signed({ aud: ENDPOINT.toUpperCase().replace('HTTPS', 'https') })],
  ['for the issuer', () => signed({ aud: `${ORIGIN}/${TENANT}/v2.0` })],
  ['without nbf', () => signed({ nbf: undefined })],
  ['of another issuer, for a subject of it', () => federated()],
];

for (const [what, make] of TAKEN) {
  test(`an assertion ${what} is taken`, async (t) => {
    t.deepEqual(await show(await write(make())), GOOD);
  });
}

const SIGNATURE = 700027;
const REFUSED: readonly [what: string, make: () => Assertion, number: number][] = [
  ['for another host', () => signed({ aud: 'https://login.microsoftonline.com/x/oauth2/v2.0/token' }), 700023],
  ['for another tenant', () => signed({ aud: ENDPOINT.replace(TENANT, randomUUID()) }), 700023],
  ['for the endpoint and others', () => signed({ aud: [ENDPOINT, 'https://other.test'] }), 700023],
  ['for nobody', () => signed({ aud: undefined }), 700023],
  ['for the endpoint with something behind it', () => signed({ aud: `${ENDPOINT}/x` }), 700023],
  ['that has expired', () => signed({ exp: now() - 120 }), 700024],
  ['that is not good yet', () => signed({ nbf: now() + 300 }), 700024],
  ['that is good for a day', () => signed({ exp: now() + 86_400 }), 700024],
  ['without an end', () => signed({ exp: undefined }), 700024],
  ['whose end is a text', () => signed({ exp: '9999999999' }), 700024],
  ['of another subject', () => signed({ sub: other.clientId }), 700021],
  ['without a subject', () => signed({ sub: undefined }), 50027],
  ['without an issuer', () => signed({ iss: undefined }), 50027],
  ['without an id', () => signed({ jti: undefined }), 50027],
  ['by another key', () => signed({}, {}, createPrivateKey(foreign.key)), SIGNATURE],
  [
    'by the certificate of another application',
    () => signed({}, { 'x5t#S256': registered(foreign).x5tS256 }, createPrivateKey(foreign.key)),
    SIGNATURE,
  ],
  ['that names two certificates', () => signed({}, { x5t: registered(foreign).x5t }), SIGNATURE],
  ['that names its certificate by its key id', () => signed({}, { 'x5t#S256': undefined, kid: x5tS256 }), SIGNATURE],
  ['that names it in other letters', () => signed({}, { 'x5t#S256': x5tS256.toUpperCase() }), SIGNATURE],
  [
    'by a certificate that has ended',
    () => signed({}, { 'x5t#S256': registered(ended).x5tS256 }, createPrivateKey(ended.key)),
    SIGNATURE,
  ],
  [
    'by a certificate that is not good yet',
    () => signed({}, { 'x5t#S256': registered(future).x5tS256 }, createPrivateKey(future.key)),
    SIGNATURE,
  ],
  ['by PS384', () => signed({}, { alg: 'PS384' }), SIGNATURE],
  ['of an issuer that is not registered', () => federated({ iss: 'https://elsewhere.test' }), 700211],
  ['of an issuer in other letters', () => federated({ iss: CLUSTER.toUpperCase() }), 700211],
  ['of an issuer without encryption', () => federated({ iss: 'http://plain' }), 700211],
  ['of another subject of that issuer', () => federated({ sub: `${SUBJECT}2` }), 700213],
  ['of that issuer for another audience', () => federated({ aud: ENDPOINT }), 700212],
  ['of that issuer for several audiences', () => federated({ aud: [AUDIENCE, ENDPOINT] }), 700212],
  ['of that issuer that has expired', () => federated({ exp: now() - 120 }), 700024],
  ['of that issuer without an end', () => federated({ exp: undefined }), 700024],
  [
    'of that issuer by another key',
    () => federated({}, {}, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
    SIGNATURE,
  ],
  [
    'in the name of that issuer by a certificate of ours',
    () => ({ ...signed({ iss: CLUSTER, sub: SUBJECT, aud: AUDIENCE }) }),
    SIGNATURE,
  ],
];

for (const [what, make, number] of REFUSED) {
  test(`an assertion ${what} is refused with AADSTS${number}`, async (t) => {
    t.is(await show(await write(make())), number);
  });
}

test('an assertion is taken once, and another of the same client after it', async (t) => {
  const assertion = await write(signed());
  t.deepEqual(await show(assertion), GOOD);
  t.is(await show(assertion), 50013);
  t.deepEqual(await show(await write(signed())), GOOD);
});

test('a token of another issuer is taken for as long as it is good, as a file that is read again and again', async (t) => {
  const assertion = await write(federated());
  t.deepEqual([await show(assertion), await show(assertion)], [GOOD, GOOD]);
});

test('an assertion without a signature, or signed with what everybody knows, is refused', async (t) => {
  const { claims, header } = signed();
  const encode = (value: unknown): string => base64url.encode(JSON.stringify(value));
  for (const alg of ['none', 'None', '']) {
    t.is(await show(`${encode({ ...header, alg })}.${encode(claims)}.`), 50027);
    t.is(await show(`${encode({ ...header, alg })}.${encode(claims)}.AAAA`), SIGNATURE);
  }
  const pem = new TextEncoder().encode(registered(own).pem);
  t.is(await show(await write({ header: { ...header, alg: 'HS256' }, claims, key: pem })), SIGNATURE);
  for (const text of ['x', 'a.b', 'a.b.c', `${'a'.repeat(20_000)}.b.c`]) t.is(await show(text), 50027);
});

test('an unknown client is told so, whatever it shows', async (t) => {
  const client = { client_id: randomUUID() };
  const { client_id: iss } = client;
  t.is(await show(await write(signed({ iss, sub: iss })), client), 700016);
  t.is(await show(await write(federated()), client), 700016);
});

test('a client shows one thing at a time, of a type that is known', async (t) => {
  const assertion = await write(signed());
  t.is(await show(assertion, { client_secret: 'x' }), 900144);
  t.is(
    await show(assertion, { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }),
    900144,
  );
  t.is(await show(assertion, { client_id: '' }), 900144);
});

test('a certificate has an RSA key of 2048 bits or more, and is known by its digests', (t) => {
  t.is(keptCertificate('x', undefined), undefined);
  t.is(keptCertificate(authority.certificate, undefined), undefined);
  t.regex(x5t, /^[\w-]{27}$/);
  t.regex(x5tS256, /^[\w-]{43}$/);
});
