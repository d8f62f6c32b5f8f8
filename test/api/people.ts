import { randomUUID } from 'node:crypto';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import type { Answer, RunningServer } from './running_server.ts';

export interface People {
  readonly userName: string;
  readonly password: string;
  readonly userId: string;
  /** Client id of an application that is public. */
  readonly toolId: string;
  /** An application with a secret, and where it may send people back to. */
  readonly site: { readonly clientId: string; readonly secret: string; readonly redirectUri: string };
}

type Ask = (path: string, body: unknown) => Promise<Answer>;

/** Somebody who may use keys, and the applications to do so with, made as administrators make them. */
export async function peopleIn(server: RunningServer): Promise<People> {
  const token = await directoryToken(server);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const ask: Ask = (path, body) =>
    untilTaken(() =>
      server.exchange(`${server.environment.AZURE_AUTHORITY_HOST}/v1.0${path}`, 'POST', headers, JSON.stringify(body)),
    );
  const [userName, password] = ['alice@contoso.example', 'correct horse battery staple'];
  const user = await ask('/users', {
    userPrincipalName: userName,
    displayName: 'Alice',
    passwordProfile: { password },
  });
  const userId = String(user.json.id);
  const tool = await addApplication(ask, 'Key tool', true, 'http://localhost');
  const redirectUri = 'https://shop.example/signed-in';
  const shop = await addApplication(ask, 'Shop', false, redirectUri);
  const { json } = await ask(`/applications/${shop.id}/addPassword`, {});
  const roleDefinitionId = `/providers/Microsoft.Authorization/roleDefinitions/${BUILT_IN_ROLE_IDS.cryptoUser}`;
  const assignment = JSON.stringify({ properties: { roleDefinitionId, principalId: userId } });
  const path = `/keys/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;
  await untilTaken(() => server.send('PUT', path, assignment));
  const site = { clientId: shop.clientId, secret: String(json.secretText), redirectUri };
  return { userName, password, userId, toolId: tool.clientId, site };
}

async function addApplication(
  ask: Ask,
  displayName: string,
  isFallbackPublicClient: boolean,
  redirectUri: string,
): Promise<{ readonly id: string; readonly clientId: string }> {
  const publicClient = { redirectUris: [redirectUri] };
  const { json } = await ask('/applications', { displayName, isFallbackPublicClient, publicClient });
  await ask('/servicePrincipals', { appId: json.appId });
  return { id: String(json.id), clientId: String(json.appId) };
}

async function directoryToken(server: RunningServer): Promise<string> {
  const { AZURE_AUTHORITY_HOST = '', AZURE_CLIENT_ID = '', AZURE_CLIENT_SECRET = '' } = server.environment;
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: AZURE_CLIENT_ID,
    client_secret: AZURE_CLIENT_SECRET,
    scope: `${AZURE_AUTHORITY_HOST}/.default`,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const url = `${AZURE_AUTHORITY_HOST}/adfs/oauth2/v2.0/token`;
  const { json } = await untilTaken(() => server.exchange(url, 'POST', headers, form.toString()));
  return String(json.access_token);
}

/** A busy machine may be late with an audit record, and says so. */
async function untilTaken(ask: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const answer = await ask();
    if (answer.status < 300) return answer;
    if (answer.status !== 503 || attempt === 5) throw new Error(`${answer.status}: ${JSON.stringify(answer.json)}`);
  }
}
