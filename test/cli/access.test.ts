import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { BUILT_IN_ROLE_IDS } from '../../src/model/role.ts';
import { PROGRAM, plainEnvironment } from '../api/running_server.ts';
import { LOGIN_HOST, POOL_HOST, TestServer } from '../server/test_server.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-access-'));
const server = await TestServer.open();
test.after.always(async () => {
  await server.server.close();
  rmSync(directory, { recursive: true });
});

const authority = join(directory, 'authority.pem');
writeFileSync(authority, server.authority);
const env = {
  ...plainEnvironment(),
  STRONGROOM_URL: `https://${POOL_HOST}:${server.port}`,
  AZURE_TENANT_ID: 'adfs',
  AZURE_CLIENT_ID: server.clientId,
  AZURE_CLIENT_SECRET: server.secret,
  AZURE_AUTHORITY_HOST: `https://${LOGIN_HOST}:${server.port}`,
  NODE_EXTRA_CA_CERTS: authority,
};

function access(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [PROGRAM, 'access', ...args], { env }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

test.serial('roles are listed, and one is assigned, seen, explained and taken back', async (t) => {
  const [principal, group] = [randomUUID(), randomUUID()];
  const roles = await access('roles');
  t.is(roles.code, 0, roles.err);
  t.true(roles.out.includes(`${BUILT_IN_ROLE_IDS.cryptoUser}  Managed HSM Crypto User\n`));

  const question = ['--principal', principal, '--action', 'keys/sign/action', '--scope', '/keys/invoices'];
  const before = await access('explain', ...question, '--group', group);
  t.is(before.code, 1, before.err);
  t.regex(before.out, /^no {4}.* may not Microsoft\.KeyVault\/managedHsm\/keys\/sign\/action on \/keys\/invoices\.\n/);
  t.regex(before.out, /It takes one of these roles at the scope or above it: Managed HSM Crypto User\.\n/);

  const assigned = await access(
    'assign',
    '--role',
    'managed hsm crypto user',
    '--principal',
    group,
    '--scope',
    '/keys/invoices',
  );
  t.is(assigned.code, 0, assigned.err);
  const id = assigned.out.trim();
  const listed = await access('list', '--scope', '/keys/invoices', '--principal', group);
  t.is(listed.out, `${id}  ${group}  /keys/invoices  Managed HSM Crypto User\n`);

  const allowed = await access('explain', ...question, '--group', group);
  t.is(allowed.code, 0, allowed.err);
  t.true(
    allowed.out.includes(`Managed HSM Crypto User at /keys/invoices (assignment ${id}, held by the group ${group}).`),
    allowed.out,
  );
  const elsewhere = await access('explain', ...question.slice(0, 4), '--scope', '/keys/other', '--group', group);
  t.is(elsewhere.code, 1);
  t.regex(elsewhere.out, /has the action, but not for this scope\./);

  const revoked = await access(
    'revoke',
    '--role',
    BUILT_IN_ROLE_IDS.cryptoUser,
    '--principal',
    group,
    '--scope',
    '/keys/invoices',
  );
  t.is(revoked.out.trim(), id, revoked.err);
  t.is((await access('list', '--scope', '/keys/invoices')).out, '');
});

test.serial('what cannot be done is told, and the exit code says so', async (t) => {
  const principal = randomUUID();
  const administrator = server.roles.assignments.find(
    ({ roleDefinitionId }) => roleDefinitionId === BUILT_IN_ROLE_IDS.administrator,
  );
  for (const [args, code, told] of [
    [['revoke', '--id', administrator?.id ?? ''], 1, /nobody would be left/],
    [['revoke', '--id', randomUUID()], 1, /Requested role assignment not found/],
    [['revoke', '--role', 'Managed HSM Backup', '--principal', principal], 78, /is not assigned this role at \//],
    [['revoke'], 78, /Expected --id, or --role and --principal/],
    [['assign', '--role', 'Nobody', '--principal', principal], 78, /There is no role "Nobody"/],
    [
      ['assign', '--role', 'Managed HSM Backup', '--principal', 'alice'],
      1,
      /Expected a GUID for properties\.principalId/,
    ],
    [['list', '--scope', 'keys'], 78, /Expected \/, \/keys or \/keys\/NAME, received "keys"/],
    [['explain', '--principal', principal, '--action', 'keys/fly/action'], 1, /data actions of a Managed HSM/],
  ] as const) {
    const { code: ended, err } = await access(...args);
    t.is(ended, code, `${args.join(' ')}: ${err}`);
    t.regex(err, told);
  }
});
