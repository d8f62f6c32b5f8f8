import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { PYTHON, testWithPython } from '../fixtures/debian_python.ts';
import { freePort } from '../fixtures/free_port.ts';
import { PROGRAM, plainEnvironment, RunningServer } from './running_server.ts';

const run = promisify(execFile);
const pathOf = (name: string): string => new URL(name, import.meta.url).pathname;
const PROGRAMS = {
  JavaScript: [process.execPath, pathOf('managed_identity_program.mjs')],
  Python: [PYTHON, pathOf('managed_identity_program.py')],
} as const;
const testWithPythonClients = testWithPython('azure.identity', 'azure.keyvault.keys');

const OWN_USER = process.getuid?.() ?? 0;
const identityPort = await freePort();
const directory = mkdtempSync(join(tmpdir(), 'strongroom-identities-'));
const identitiesFile = join(directory, 'identities.json');
writeFileSync(
  identitiesFile,
  JSON.stringify({
    identities: [
      { name: 'machine', kind: 'systemAssigned', localUsers: [OWN_USER] },
      { name: 'backup', kind: 'userAssigned', localUsers: [OWN_USER, OWN_USER + 1] },
      { name: 'elsewhere', kind: 'userAssigned', localUsers: [OWN_USER + 1] },
    ],
  }),
);
const server = await RunningServer.start({
  STRONGROOM_IDENTITY_MANAGED_IDENTITY_LISTEN: `127.0.0.1:${identityPort}`,
  STRONGROOM_IDENTITY_MANAGED_IDENTITIES_FILE: identitiesFile,
});
interface Known {
  readonly kind: string;
  readonly objectId: string;
  readonly clientId: string;
  readonly localUsers: string;
}

/** What the command line says of them. */
async function listed(): Promise<Readonly<Record<string, Known>>> {
  const args = [PROGRAM, 'identity', 'managed-identity', 'list', '--data-dir', server.dataDir];
  const { stdout } = await run(process.execPath, args, { env: plainEnvironment() });
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  return Object.fromEntries(
    rows.map(([name = '', kind = '', objectId = '', clientId = '', localUsers = '']) => [
      name,
      { kind, objectId, clientId, localUsers },
    ]),
  );
}

/** What `strongroom env --managed-identity` prints, evaluated as a person does. */
async function identityEnvironment(name = ''): Promise<Record<string, string>> {
  const env = `'${process.execPath}' '${PROGRAM}' env --data-dir '${server.dataDir}' --managed-identity ${name}`;
  const { stdout } = await run('/bin/sh', ['-c', `eval "$(${env})" && env -0`], { env: plainEnvironment() });
  const variables = stdout.split('\0').map((line) => line.split(/=(.*)/s) as [string, string]);
  return Object.fromEntries(variables.filter(([variable]) => !/^(?:PWD|OLDPWD|SHLVL|_|)$/.test(variable)));
}

async function imdsEnvironment(): Promise<Record<string, string>> {
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER, ...shared } = await identityEnvironment();
  return { ...shared, AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${identityPort}` };
}

const identities = await listed();
const { machine, backup, elsewhere } = identities;
const ROLE = `/providers/Microsoft.Authorization/roleDefinitions/${BUILT_IN_ROLE_IDS.cryptoUser}`;
await server.send(
  'PUT',
  `/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`,
  JSON.stringify({ properties: { roleDefinitionId: ROLE, principalId: backup?.objectId } }),
);

test.after.always(async () => {
  await server.remove();
  rmSync(directory, { recursive: true });
});

type Outcome = { readonly keyType?: string; readonly code?: string; readonly statusCode?: number };

async function outcomeOf(language: keyof typeof PROGRAMS, env: Record<string, string>, ...args: string[]) {
  const [program, script] = PROGRAMS[language];
  const { stdout } = await run(program, [script, ...args], { env });
  return JSON.parse(stdout) as Outcome;
}

test('the command line tells the identities with their users', (t) => {
  t.deepEqual(Object.keys(identities), ['machine', 'backup', 'elsewhere']);
  t.like(machine, { kind: 'systemAssigned', localUsers: String(OWN_USER) });
  t.like(backup, { kind: 'userAssigned', localUsers: `${OWN_USER},${OWN_USER + 1}` });
});

test('an identity that there is not has no environment', async (t) => {
  const args = [PROGRAM, 'env', '--data-dir', server.dataDir, '--managed-identity', 'nobody'];
  const error = await t.throwsAsync(run(process.execPath, args, { env: plainEnvironment() }));
  t.regex(error.message, /no managed identity "nobody"/);
});

test('the environment has the endpoint and a name, and no secret of anybody', async (t) => {
  const environment = await identityEnvironment('backup');
  t.is(environment.AZURE_CLIENT_ID, backup?.clientId);
  t.is(environment.IDENTITY_ENDPOINT, `http://127.0.0.1:${identityPort}/msi/token`);
  t.is(environment.AZURE_CLIENT_SECRET, undefined);
  t.is(environment.AZURE_AUTHORITY_HOST, undefined);
});

const FORMS = [
  ['App Service', () => identityEnvironment()],
  ['IMDS', imdsEnvironment],
] as const;

for (const language of Object.keys(PROGRAMS) as (keyof typeof PROGRAMS)[]) {
  const testWithClients = language === 'JavaScript' ? test : testWithPythonClients;
  const clientId = language === 'JavaScript' ? 'clientId' : 'client_id';
  for (const [form, environment] of FORMS) {
    testWithClients.serial(`${language}: a program without a secret is who its user is, by ${form}`, async (t) => {
      const env = await environment();
      const named = JSON.stringify({ [clientId]: backup?.clientId });
      t.is((await outcomeOf(language, env, 'managed', named)).keyType, 'EC-HSM');
      const ofSystem = await outcomeOf(language, env, 'managed');
      t.is(ofSystem.statusCode, 403, 'the identity of the system has no role');
      const foreign = await outcomeOf(language, env, 'managed', JSON.stringify({ [clientId]: elsewhere?.clientId }));
      t.is(foreign.keyType, undefined);
      t.is(foreign.statusCode, undefined, 'it did not get as far as the HSM');
    });

    testWithClients.serial(`${language}: DefaultAzureCredential finds the identity by ${form}`, async (t) => {
      const env = { ...(await environment()), AZURE_CLIENT_ID: backup?.clientId ?? '' };
      t.is((await outcomeOf(language, env, 'default')).keyType, 'EC-HSM');
    });
  }
}

test.serial(
  'an identity is the same after a restart, and other processes of the data directory are told so',
  async (t) => {
    await server.stop();
    await server.restart();
    t.deepEqual(await listed(), identities);
    t.is(
      (
        await outcomeOf(
          'JavaScript',
          await identityEnvironment(),
          'managed',
          JSON.stringify({ clientId: backup?.clientId }),
        )
      ).keyType,
      'EC-HSM',
    );
  },
);
