import { execFile, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { exportJWK, SignJWT } from 'jose';
import { issueServerCertificate, newAuthority } from '../../src/server/tls/local_authority.ts';
import { PYTHON, testWithPython } from '../fixtures/debian_python.ts';
import { PROGRAM, plainEnvironment, RunningServer } from './running_server.ts';

const NODE_PROGRAM = new URL('credential_program.mjs', import.meta.url).pathname;
const PYTHON_PROGRAM = new URL('credential_program.py', import.meta.url).pathname;
const CLUSTER = 'https://cluster.test';
const SUBJECT = 'system:serviceaccount:payments:signer';
const cluster = generateKeyPairSync('rsa', { modulusLength: 2048 });

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], env: Record<string, string>, input = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(file, [...args], { env, timeout: 120_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

let server: RunningServer;
const directory = mkdtempSync(join(tmpdir(), 'strongroom-credentials-'));
const files = { certificate: join(directory, 'client.pem'), token: join(directory, 'cluster_token') };

/** `strongroom identity …` on the machine of the server. */
async function identity(args: string, input?: string): Promise<Ended & { readonly json: Record<string, unknown> }> {
  const words = ['identity', ...args.split(' '), '--data-dir', server.dataDir];
  const ended = await run(process.execPath, [PROGRAM, ...words], plainEnvironment(), input);
  return { ...ended, json: ended.stdout === '' ? {} : JSON.parse(ended.stdout) };
}

test.before(async () => {
  const jwk = { ...(await exportJWK(cluster.publicKey)), kid: 'c' };
  const issuersFile = join(directory, 'issuers.json');
  writeFileSync(join(directory, 'cluster.json'), JSON.stringify({ keys: [jwk] }));
  const issuer = { kind: 'federated', issuer: CLUSTER, algorithms: ['RS256'], keysFile: 'cluster.json' };
  writeFileSync(issuersFile, JSON.stringify({ issuers: [issuer] }));
  server = await RunningServer.start({ STRONGROOM_IDENTITY_ISSUERS_FILE: issuersFile });
  const authority = await newAuthority('test', ['client.test'], new Date());
  const { certificate, key } = await issueServerCertificate(authority, ['client.test'], new Date());
  writeFileSync(files.certificate, `${key}${certificate}`, { mode: 0o600 });
  const token = await new SignJWT({ aud: 'api://AzureADTokenExchange', iss: CLUSTER, sub: SUBJECT })
    .setProtectedHeader({ alg: 'RS256', kid: 'c' })
    .setExpirationTime('1h')
    .sign(cluster.privateKey);
  writeFileSync(files.token, token, { mode: 0o600 });
  const app = server.environment.AZURE_CLIENT_ID;
  for (const verb of [
    `app certificate add ${app} ${files.certificate}`,
    `app federated-credential add ${app} cluster --issuer ${CLUSTER} --subject ${SUBJECT}`,
  ]) {
    const { code, stderr } = await identity(verb);
    if (code !== 0) throw new Error(stderr);
  }
});

test.after.always(async () => {
  await server?.remove();
  rmSync(directory, { recursive: true });
});

/** None before the server is there. */
const secretOf = (): string => (server as RunningServer | undefined)?.environment.AZURE_CLIENT_SECRET ?? '';

/** What a program is given beside where the server is and what to trust. */
const CREDENTIALS: readonly [name: string, variables: () => Record<string, string>][] = [
  ['secret', () => ({ SECRET: secretOf() })],
  ['certificate', () => ({ CERTIFICATE: files.certificate })],
  ['chain', () => ({ CERTIFICATE: files.certificate })],
  ['workload', () => ({ AZURE_FEDERATED_TOKEN_FILE: files.token })],
  ['environment', () => ({ AZURE_CLIENT_CERTIFICATE_PATH: files.certificate })],
  ['default', () => ({ AZURE_CLIENT_SECRET: secretOf() })],
  ['default', () => ({ AZURE_FEDERATED_TOKEN_FILE: files.token })],
];

function variables(own: Record<string, string>): Record<string, string> {
  const { AZURE_CLIENT_SECRET: _, ...environment } = server.environment;
  return { ...plainEnvironment(), ...environment, ...own };
}

const testWithPythonClients = testWithPython('azure.identity', 'azure.keyvault.keys');
/** Not among those of every version of the package. */
const NOT_IN_PYTHON: ReadonlySet<string> = new Set(['chain']);

for (const [name, own] of CREDENTIALS) {
  const given = Object.keys(own()).join(', ');
  test(`an unmodified program of Azure's JavaScript clients is known by ${name} with ${given}`, async (t) => {
    const { stdout, stderr } = await run(process.execPath, [NODE_PROGRAM, name], variables(own()));
    t.is(stdout, '{"bytes":16}', stderr);
  });
  if (NOT_IN_PYTHON.has(name)) continue;
  testWithPythonClients(
    `an unmodified program of Azure's Python clients is known by ${name} with ${given}`,
    async (t) => {
      const { stdout, stderr } = await run(PYTHON, [PYTHON_PROGRAM, name], variables(own()));
      t.is(stdout, '{"bytes":16}\n', stderr);
    },
  );
}

test('a program with a wrong secret is told so with the number that people look for', async (t) => {
  const { code, stderr } = await run(process.execPath, [NODE_PROGRAM, 'secret'], variables({ SECRET: 'wrong' }));
  t.is(code, 1);
  t.regex(stderr, /AADSTS7000215/);
});

test.serial('the command line makes an application, shows its secret once, and deletes it', async (t) => {
  const made = await identity('app create payments');
  t.is(made.code, 0, made.stderr);
  const secret = await identity(`app secret add ${made.json.appId} --name first`);
  t.is(typeof secret.json.secretText, 'string');
  const shown = await identity(`app show ${made.json.appId}`);
  t.false(shown.stdout.includes(String(secret.json.secretText)));
  const listed = (await identity('app list')).json as unknown as { displayName: string }[];
  t.deepEqual(listed.map(({ displayName }) => displayName).sort(), ['demo', 'payments']);
  t.deepEqual([(await identity(`app secret remove ${made.json.appId} ${secret.json.keyId}`)).code], [0]);
  t.is((await identity(`app delete ${made.json.appId}`)).code, 0);
  const gone = await identity(`app show ${made.json.appId}`);
  t.deepEqual([gone.code, gone.stdout], [1, '']);
});

test.serial(
  'the command line adds people with a password from standard input, puts them into groups and lets them go',
  async (t) => {
    const user = await identity('user create alice@contoso.example', 'correct horse battery staple\n');
    t.is(user.code, 0, user.stderr);
    t.is((await identity('user create bob@contoso.example', 'short\n')).code, 1);
    t.is((await identity('user create carol@contoso.example', '')).code, 78);
    t.is((await identity('user set-password alice@contoso.example', 'another horse battery staple')).code, 0);
    const group = await identity('group create signers');
    t.is((await identity(`group add-member ${group.json.id} ${user.json.id}`)).code, 0);
    const members = (await identity(`group members ${group.json.id}`)).json as unknown as { id: string }[];
    t.deepEqual(
      members.map(({ id }) => id),
      [user.json.id],
    );
    t.is((await identity('user disable alice@contoso.example')).code, 0);
    t.is((await identity('user delete alice@contoso.example')).code, 0);
    t.is((await identity(`group delete ${group.json.id}`)).code, 0);
  },
);

test.serial(
  'the directory is there after a restart, and neither a secret nor a password is in what was written',
  async (t) => {
    const made = await identity('app create kept');
    const { json } = await identity(`app secret add ${made.json.appId}`);
    await server.stop();
    const written = spawnSync('grep', ['-rlF', String(json.secretText), server.dataDir], { encoding: 'utf8' });
    t.is(written.stdout, '');
    await server.restart();
    t.is((await identity(`app show ${made.json.appId}`)).json.displayName, 'kept');
  },
);
