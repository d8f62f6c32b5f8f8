#!/usr/bin/env node
import { Command } from 'commander';
import type { AccessAssignOptions } from './access_assign.ts';
import type { AccessExplainOptions } from './access_explain.ts';
import type { AccessListOptions } from './access_list.ts';
import type { AccessRevokeOptions } from './access_revoke.ts';
import type { BundleOptions } from './attestation.ts';
import type { AuditConfirmOptions } from './audit_confirm.ts';
import type { AuditProveOptions } from './audit_prove.ts';
import type { AuditSearchOptions } from './audit_search.ts';
import type { AuditTailOptions } from './audit_tail.ts';
import type { AuditVerifyOptions } from './audit_verify.ts';
import type { EnvOptions } from './env.ts';
import type { FirewallCheckOptions } from './firewall.ts';
import type { IdentityOptions } from './identity.ts';
import { IDENTITY_VERBS } from './identity_verbs.ts';
import type { StorageOptions } from './pool_job.ts';
import type { SettingOptions } from './read_settings.ts';
import { reportFailure } from './report_failure.ts';
import type { RestoreOptions } from './restore.ts';
import type { CustodianKeyOptions, DownloadOptions, LockOptions, RecoverOptions } from './security_domain.ts';
import type { UploadOptions } from './security_domain_upload.ts';
import { TOKEN_VERBS } from './token_verbs.ts';

/** A verb gives the exit code. Its file is loaded when it is asked for: most need little of the program. */
type Verb<Options, Arguments extends string[] = []> = (
  options: Options,
  ...rest: Arguments
) => number | Promise<number>;

// Whoever reads may have seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const program = new Command('strongroom').description('A Managed HSM over any PKCS#11 device.').showHelpAfterError();

function verb<Options = SettingOptions, Arguments extends string[] = []>(
  name: string,
  description: string,
  load: () => Promise<Verb<Options, Arguments>>,
  parent: Command = program,
): Command {
  const command = parent.command(name).description(description);
  return command.action(async () => {
    try {
      process.exitCode = await (await load())(command.opts() as Options, ...(command.args as Arguments));
    } catch (error) {
      process.exit(reportFailure(error));
    }
  });
}

function withSettings(command: Command): Command {
  return command
    .option('--config <file>', 'settings as JSON')
    .option('--data-dir <dir>', 'where everything is kept')
    .option('--listen <host:port>', 'addresses to listen on, several with commas')
    .option('--domain <domain>', 'the HSM is served at https://NAME.DOMAIN')
    .option('--hsm <name>', 'name of the HSM')
    .option('--tokens <number>', 'how many tokens of its own it has');
}

withSettings(verb('start', 'serve the HSM', async () => (await import('./start.ts')).start)).option(
  '--no-auto-activate',
  'serve nothing before the security domain was downloaded',
);
withSettings(
  verb<EnvOptions>('env', 'print what clients need in their environment', async () => (await import('./env.ts')).env),
).option('--managed-identity [name]', 'for processes of this machine that are who their local user is');
withSettings(
  verb(
    'doctor',
    'look for what keeps the server or its clients from working',
    async () => (await import('./doctor.ts')).doctor,
  ),
);

const identity = program.command('identity').description('who there is: applications, people, groups and tenants');
for (const row of IDENTITY_VERBS) {
  const words = row.words.split(' ');
  const first = words.findIndex((word) => word.startsWith('<'));
  const last = (first === -1 ? words.length : first) - 1;
  const parent = words
    .slice(0, last)
    .reduce((above, word) => above.commands.find((each) => each.name() === word) ?? above.command(word), identity);
  const load = async (): Promise<Verb<IdentityOptions, string[]>> => {
    const { askIdentity } = await import('./identity.ts');
    return (options, ...args) => askIdentity(row, options, args);
  };
  const command = verb(words.slice(last).join(' '), row.description, load, parent);
  for (const [flags, description] of row.options ?? []) command.option(flags, description);
  withSettings(command).option('--tenant <id>', 'the tenant that it is about');
}
const managedIdentity = identity.command('managed-identity').description('who processes of this machine may be');
verb(
  'list',
  'name, kind, object id, client id and local users of each',
  async () => (await import('./managed_identity.ts')).listManagedIdentities,
  managedIdentity,
)
  .option('--config <file>', 'settings as JSON')
  .option('--data-dir <dir>', 'where everything is kept');

const attestation = program.command('attestation').description('what a pool states of its keys');
verb<BundleOptions>(
  'verify',
  'check the attestation of a key',
  async () => (await import('./attestation.ts')).verifyAttestation,
  attestation,
)
  .requiredOption('--bundle <file>', 'the answer to GET /keys/NAME/VERSION/attestation')
  .option('--root <file>', "the pool's certificate in PEM, from a source that is trusted");

/** Of an option that may be given more than once. */
const several = (value: string, before: readonly string[] = []): string[] => [...before, value];

const audit = program.command('audit').description('what the log says was done');

function auditVerb<Options>(
  name: string,
  description: string,
  load: () => Promise<Verb<Options, [directory: string]>>,
): Command {
  return verb<Options, [directory: string]>(`${name} [dir]`, description, load, audit)
    .option('--config <file>', 'settings as JSON')
    .option('--data-dir <dir>', 'whose log it is, where no directory is named')
    .option('--chain <name>', 'which log, where several are in one database');
}

auditVerb<AuditVerifyOptions>(
  'verify',
  'look for records that were changed, taken out or put in',
  async () => (await import('./audit_verify.ts')).verifyAudit,
)
  .option('--key <file>', "the pool's audit key in PEM, from a source that is trusted")
  .option('--head <json>', 'a signed head that was kept elsewhere', several)
  .option('--heads <file>', 'a file of them, one a line', several)
  .option('--from <line>', 'the line from which on it is to hold')
  .option('--to <line>', 'the line up to which');
auditVerb<AuditTailOptions>('tail', 'show the last records', async () => (await import('./audit_tail.ts')).tailAudit)
  .option('-n, --lines <count>', 'how many')
  .option('-f, --follow', 'go on with those that are written from now on')
  .option('--json', 'records as they stand in the log');
auditVerb<AuditSearchOptions>('search', 'find records', async () => (await import('./audit_search.ts')).searchAudit)
  .option('--key <name>', 'of a key')
  .option('--principal <id>', 'by an object id or an application id')
  .option('--operation <name>', 'of an operation, as in KeySign')
  .option('--result <code>', 'with a result: Success, Pending or a code of docs/errors.md')
  .option('--request <id>', 'of one request')
  .option('--since <time>', 'from a time on (ISO 8601)')
  .option('--until <time>', 'up to a time')
  .option('--limit <count>', 'no more than so many')
  .option('--json', 'records as they stand in the log');
auditVerb<AuditProveOptions>(
  'prove',
  'prove one line by a signed head, without the others',
  async () => (await import('./audit_prove.ts')).proveAudit,
)
  .requiredOption('--line <number>', 'which')
  .option('--head <json>', 'the head, if not the first one that covers it', several);
verb<AuditConfirmOptions, [proof: string]>(
  'confirm <proof>',
  'check a proof of one line',
  async () => (await import('./audit_confirm.ts')).confirmAudit,
  audit,
).requiredOption('--key <file>', "the pool's audit key in PEM, from a source that is trusted");

const firewall = program.command('firewall').description('from where the HSM may be called');
withSettings(
  verb<FirewallCheckOptions>(
    'check',
    'say what lets a caller in, or why nothing does',
    async () => (await import('./firewall.ts')).checkFirewall,
    firewall,
  ),
)
  .requiredOption('--address <address>', 'of the caller')
  .option('--rules <file>', 'in place of network.rulesFile')
  .option('--principal <id>', 'object id of the caller')
  .option('--proxy <address>', 'of the trusted proxy that the caller comes through')
  .option('--local-address <address>', 'of this machine, where the caller arrives')
  .option('--private-endpoint', 'the caller arrives at an address of network.privateListen');

const domain = program
  .command('security-domain')
  .description('what custodians keep, so that no lost token takes the keys along');
const loadDomain = (): Promise<typeof import('./security_domain.ts')> => import('./security_domain.ts');
verb<CustodianKeyOptions>(
  'create-key',
  'by each custodian: a key to keep and a certificate to give away',
  async () => (await loadDomain()).createCustodianKey,
  domain,
)
  .requiredOption('--name <name>', 'of the custodian')
  .option('--directory <dir>', 'where to put NAME.key and NAME.cer', '.');
withSettings(
  verb<DownloadOptions>(
    'download',
    'take the security domain out of the token, for a quorum of custodians',
    async () => (await loadDomain()).downloadSecurityDomain,
    domain,
  ),
)
  .requiredOption('--certificate <file>', 'of a custodian, 3 to 10 times', several)
  .requiredOption('--file <file>', 'where to put the security domain')
  .option('--quorum <number>', 'how many custodians it takes', '2');
withSettings(
  verb<RecoverOptions>(
    'recover',
    'bring a security domain into a token that has no pool keys',
    async () => (await loadDomain()).recoverSecurityDomain,
    domain,
  ),
)
  .requiredOption('--file <file>', 'the security domain')
  .requiredOption(
    '--key <file>',
    'of a custodian, with the certificate beside it, as often as the quorum wants',
    several,
  );
withSettings(
  verb<UploadOptions>(
    'upload',
    'bring a security domain into an HSM that is not active, over the network',
    async () => (await import('./security_domain_upload.ts')).uploadSecurityDomain,
    domain,
  ),
)
  .requiredOption('--file <file>', 'the security domain')
  .requiredOption(
    '--key <file>',
    'of a custodian, with the certificate beside it, as often as the quorum wants',
    several,
  );
withSettings(
  verb<LockOptions>(
    'lock',
    'end the ceremony: nothing brings the pool keys out any more',
    async () => (await loadDomain()).lockSecurityDomain,
    domain,
  ),
).option('--yes', 'do it');

const access = program.command('access').description('who may do what, on a server that runs');
withSettings(verb('roles', 'list role definitions', async () => (await import('./access_roles.ts')).listRoles, access));
withSettings(
  verb<AccessListOptions>(
    'list',
    'list role assignments',
    async () => (await import('./access_list.ts')).listAccess,
    access,
  ),
)
  .option('--scope <scope>', '/, /keys or /keys/NAME', '/')
  .option('--principal <id>', 'those of one principal that touch the scope');
withSettings(
  verb<AccessAssignOptions>(
    'assign',
    'assign a role',
    async () => (await import('./access_assign.ts')).assignAccess,
    access,
  ),
)
  .requiredOption('--role <role>', 'name or GUID of the role definition')
  .requiredOption('--principal <id>', 'object id of a user, a group or a service principal')
  .option('--scope <scope>', '/, /keys or /keys/NAME', '/');
withSettings(
  verb<AccessRevokeOptions>(
    'revoke',
    'take an assignment back',
    async () => (await import('./access_revoke.ts')).revokeAccess,
    access,
  ),
)
  .option('--id <guid>', 'the assignment, or')
  .option('--role <role>', 'its role, and')
  .option('--principal <id>', 'whom it is assigned to')
  .option('--scope <scope>', '/, /keys or /keys/NAME', '/');
withSettings(
  verb<AccessExplainOptions>(
    'explain',
    'say which assignment allows something, or what is missing',
    async () => (await import('./access_explain.ts')).explainAccess,
    access,
  ),
)
  .requiredOption('--principal <id>', 'object id of the caller')
  .requiredOption('--action <action>', 'a data action, like keys/sign/action')
  .option('--scope <scope>', '/, /keys or /keys/NAME', '/')
  .option('--group <id>', 'of the caller, as often as needed', several);

const token = program.command('token').description('the tokens of a server that runs');
for (const { words, description, options = [], load } of TOKEN_VERBS) {
  const command = withSettings(verb(words, description, load, token));
  for (const [flags, meaning] of options) command.option(flags, meaning);
}

const TOKEN_FILE = ['--token-file <file>', 'with its SAS token, if that is not in STRONGROOM_SAS_TOKEN'] as const;
const NO_WAIT = ['--no-wait', 'print the id of the job and end'] as const;
const FOLDER = ['--folder <folder>', 'that the backup is in'] as const;
const STORAGE = ['--storage <uri>', 'a blob container, or file: for the directory of the server'] as const;

const backup = program.command('backup').description('the pool as a whole, to a storage, by a server that runs');
const loadBackup = (): Promise<typeof import('./backup.ts')> => import('./backup.ts');
withSettings(verb<StorageOptions>('start', 'back the pool up', async () => (await loadBackup()).startBackup, backup))
  .requiredOption(...STORAGE)
  .option(...TOKEN_FILE)
  .option(...NO_WAIT);
withSettings(
  verb<StorageOptions>('check', 'say whether it can be', async () => (await loadBackup()).checkBackup, backup),
)
  .option(...STORAGE)
  .option(...TOKEN_FILE)
  .option(...NO_WAIT);
withSettings(
  verb<SettingOptions, [string]>(
    'status <job>',
    'say how far a backup has come',
    async () => (await loadBackup()).backupStatus,
    backup,
  ),
);

const restore = program.command('restore').description('the pool, or a key of it, from a backup');
const loadRestore = (): Promise<typeof import('./restore.ts')> => import('./restore.ts');
const restoreVerbs = [
  verb<RestoreOptions>(
    'start',
    'put a backup in the place of everything that the pool holds',
    async () => (await loadRestore()).startRestore,
    restore,
  ),
  verb<RestoreOptions, [string]>(
    'key <name>',
    'bring one key back, whose name is free',
    async () => (await loadRestore()).restoreKey,
    restore,
  ),
];
for (const command of restoreVerbs) {
  withSettings(command)
    .requiredOption(...STORAGE)
    .requiredOption(...FOLDER)
    .option(...TOKEN_FILE)
    .option(...NO_WAIT);
}
withSettings(
  verb<RestoreOptions>('check', 'say whether it can be', async () => (await loadRestore()).checkRestore, restore),
)
  .option(...STORAGE)
  .option(...FOLDER)
  .option(...TOKEN_FILE)
  .option(...NO_WAIT);
withSettings(
  verb<SettingOptions, [string]>(
    'status <job>',
    'say how far a restore has come',
    async () => (await loadRestore()).restoreStatus,
    restore,
  ),
);

verb('version', 'print the version', async () => (await import('./version.ts')).version);

await program.parseAsync();
