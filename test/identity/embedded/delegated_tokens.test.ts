import test, { type ExecutionContext } from 'ava';
import { decodeJwt } from 'jose';
import { Audiences } from '../../../src/identity/audience.ts';
import type { Directory } from '../../../src/identity/embedded/directory.ts';
import type { Application, User } from '../../../src/identity/embedded/directory_objects.ts';
import { EmbeddedIssuer } from '../../../src/identity/embedded/embedded_issuer.ts';
import { EntraError, type EntraErrorCode } from '../../../src/identity/embedded/entra_error.ts';
import { FederatedKeys } from '../../../src/identity/embedded/federated_keys.ts';
import { newApplication } from '../../../src/identity/embedded/new_application.ts';
import { hashPassword } from '../../../src/identity/embedded/password.ts';
import { testDocuments } from '../../fixtures/test_documents.ts';
import { directoryOf, group, TENANT, user } from './directory_fixture.ts';
import { issuerKeys } from './issuer_keys.ts';

const ORIGIN = 'https://login.localhost';
const RESOURCE = 'https://managedhsm.localhost';
const PASSWORD = 'correct horse battery staple';
const [password, otherPassword, keys] = await Promise.all([
  hashPassword(PASSWORD),
  hashPassword('another horse battery staple'),
  issuerKeys(),
]);
const { application, servicePrincipal } = newApplication(TENANT, 'Key tool');
const tool: Application = { ...application, isPublicClient: true, redirectUris: ['http://localhost'] };
const alice: User = { ...user('alice@contoso.example'), id: crypto.randomUUID(), password };

function directoryWith(users: readonly User[], isEnabled = true): Directory {
  const groups = [group('9f0c3b1e-0000-4000-8000-000000000001', ...users.map(({ id }) => id))];
  return directoryOf({
    applications: [tool],
    servicePrincipals: [{ ...servicePrincipal, isEnabled }],
    users: [...users],
    groups,
  });
}

/** An issuer whose directory may become another one. */
function open() {
  const source = { current: directoryWith([alice]) };
  const issuer = new EmbeddedIssuer({
    host: 'login.localhost',
    directory: source,
    keys,
    federatedKeys: new FederatedKeys(new Map()),
    resources: new Audiences('managedhsm.localhost'),
    directoryResources: new Audiences('login.localhost', []),
    documents: testDocuments(),
  });
  const token = (form: Record<string, string>) =>
    issuer.token({
      origin: ORIGIN,
      tenant: 'adfs',
      version: 'v2',
      form: new URLSearchParams({ client_id: tool.clientId, ...form }),
      authorization: undefined,
    });
  const device = async () => {
    const form = new URLSearchParams({ client_id: tool.clientId, scope: `${RESOURCE}/.default openid offline_access` });
    const received = { origin: ORIGIN, tenant: 'adfs', version: 'v2', form, authorization: undefined } as const;
    const asked = await issuer.deviceCode(received, '192.0.2.1');
    const waiting = await issuer.signIns.findDevice(asked.user_code, '192.0.2.1');
    const shown = { userName: alice.userPrincipalName, password: PASSWORD, address: '192.0.2.1' };
    await issuer.signIns.allowDevice(waiting, shown);
    return { grant_type: 'device_code', device_code: asked.device_code };
  };
  return { source, token, device };
}

async function refused(t: ExecutionContext, attempt: Promise<unknown>, code: EntraErrorCode): Promise<void> {
  const error = await t.throwsAsync(attempt, { instanceOf: EntraError });
  t.is(error?.code, code);
}

const CHANGES: readonly [what: string, directory: Directory, code: EntraErrorCode][] = [
  ['is disabled', directoryWith([{ ...alice, isEnabled: false }]), 'userDisabled'],
  ['is deleted', directoryWith([]), 'userDisabled'],
  ['has another password', directoryWith([{ ...alice, password: otherPassword }]), 'passwordChanged'],
  ['has no password any more', directoryWith([{ ...alice, password: undefined }]), 'passwordChanged'],
];

for (const [what, directory, code] of CHANGES) {
  test(`refresh tokens of a user who ${what} have ended, and stay so`, async (t) => {
    const { source, token, device } = open();
    const first = await token(await device());
    const renewal = { grant_type: 'refresh_token', refresh_token: String(first.refresh_token) };
    source.current = directory;
    await refused(t, token(renewal), code);
    source.current = directoryWith([alice]);
    await refused(t, token(renewal), 'refreshTokenInvalid');
  });

  test(`a device that was allowed gets nothing when its user ${what} meanwhile`, async (t) => {
    const { source, token, device } = open();
    const form = await device();
    source.current = directory;
    await refused(t, token(form), code);
  });
}

test('refresh tokens of an application that is disabled are good for nothing meanwhile', async (t) => {
  const { source, token, device } = open();
  const first = await token(await device());
  const renewal = { grant_type: 'refresh_token', refresh_token: String(first.refresh_token) };
  source.current = directoryWith([alice], false);
  await refused(t, token(renewal), 'clientDisabled');
  source.current = directoryWith([alice]);
  t.is(typeof (await token(renewal)).access_token, 'string');
});

test('an access token by refresh has the groups of now', async (t) => {
  const { source, token, device } = open();
  const first = await token(await device());
  t.deepEqual(decodeJwt(first.access_token).groups, ['9f0c3b1e-0000-4000-8000-000000000001']);
  const { groups: _groups, ...objects } = {
    applications: [tool],
    servicePrincipals: [servicePrincipal],
    users: [alice],
    groups: [],
  };
  source.current = directoryOf(objects);
  const second = await token({ grant_type: 'refresh_token', refresh_token: String(first.refresh_token) });
  t.is(decodeJwt(second.access_token).groups, undefined);
});

test('what a refresh token is used for cannot be more of OpenID Connect than the person was asked for', async (t) => {
  const { token, device } = open();
  const first = await token(await device());
  const scope = `${RESOURCE}/user_impersonation openid profile email offline_access`;
  const second = await token({ grant_type: 'refresh_token', refresh_token: String(first.refresh_token), scope });
  t.is(second.scope, `${RESOURCE}/user_impersonation openid offline_access`);
});

test('two applications cannot tell by the id token alone that they have the same user', async (t) => {
  const { token, device } = open();
  const { id_token: idToken } = await token(await device());
  const { sub, oid } = decodeJwt(String(idToken));
  t.is(oid, alice.id);
  t.not(sub, alice.id);
});
