import test from 'ava';
import { ClientAuthenticator } from '../../../src/identity/embedded/client_authenticator.ts';
import type { Directory } from '../../../src/identity/embedded/directory.ts';
import type { Application, ClientSecret, ServicePrincipal } from '../../../src/identity/embedded/directory_objects.ts';
import type { EntraErrorCode } from '../../../src/identity/embedded/entra_error.ts';
import { FederatedKeys } from '../../../src/identity/embedded/federated_keys.ts';
import { keptSecret, newApplication } from '../../../src/identity/embedded/new_application.ts';
import { directoryOf, TENANT } from './directory_fixture.ts';

const SECRET = 'correct horse battery staple';
const { application, servicePrincipal } = newApplication(TENANT, 'test');
const kept = await keptSecret(SECRET, 'first', Date.now());

function directoryWith(
  secrets: readonly ClientSecret[],
  principal: Partial<ServicePrincipal> = {},
  app: Partial<Application> = {},
): Directory {
  return directoryOf({
    applications: [{ ...application, secrets, ...app }],
    servicePrincipals: [{ ...servicePrincipal, ...principal }],
  });
}

async function outcome(directory: Directory, secret: string, clientId = application.clientId): Promise<unknown> {
  const form = new URLSearchParams({ client_id: clientId, client_secret: secret });
  const tenant = { id: TENANT, displayName: 'test' };
  const request = { origin: 'https://login.test', tenant, version: 'v2', form, authorization: undefined } as const;
  try {
    const client = await new ClientAuthenticator({ current: directory }, new FederatedKeys(new Map())).authenticate(
      request,
    );
    return [client.servicePrincipal.id, client.authentication];
  } catch (error) {
    return (error as { code: EntraErrorCode }).code;
  }
}

const GOOD = [servicePrincipal.id, 'secret'];

test('each of several secrets will do, and no other', async (t) => {
  const other = await keptSecret('corrigible', undefined, Date.now());
  const directory = directoryWith([other, kept]);
  t.deepEqual(await outcome(directory, SECRET), GOOD);
  t.deepEqual(await outcome(directory, 'corrigible'), GOOD);
  t.is(await outcome(directory, 'cor'), 'wrongSecret');
  t.is(await outcome(directory, `${SECRET} `), 'wrongSecret');
  t.is(await outcome(directoryWith([]), SECRET), 'wrongSecret');
});

test('a secret is good within its dates alone', async (t) => {
  const nowMs = Date.now();
  t.is(await outcome(directoryWith([{ ...kept, endMs: nowMs }]), SECRET), 'secretExpired');
  t.is(await outcome(directoryWith([{ ...kept, startMs: nowMs + 60_000 }]), SECRET), 'secretExpired');
  t.is(await outcome(directoryWith([{ ...kept, endMs: nowMs }]), 'wrong'), 'wrongSecret');
});

test('an application that is disabled, or not in the tenant, is nobody there', async (t) => {
  t.is(await outcome(directoryWith([kept], { isEnabled: false }), SECRET), 'clientDisabled');
  t.is(await outcome(directoryWith([kept], { tenantId: 'another' }), SECRET), 'noServicePrincipal');
  t.is(await outcome(directoryWith([kept]), SECRET, TENANT), 'unknownClient');
});

test('who does not know the secret does not learn that an application is disabled', async (t) => {
  t.is(await outcome(directoryWith([kept], { isEnabled: false }), 'wrong'), 'wrongSecret');
});
