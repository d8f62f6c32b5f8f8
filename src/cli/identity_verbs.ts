import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../config/configuration_error.ts';
import { readSecret } from './read_secret.ts';

export type AskDirectory = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;

/** A verb of `strongroom identity`: what it asks the directory. */
export interface IdentityVerb {
  /** With its arguments, as commander has them. */
  readonly words: string;
  readonly description: string;
  readonly options?: readonly (readonly [flags: string, description: string])[];
  /** What to print, or nothing. */
  readonly run: (ask: AskDirectory, args: readonly string[], options: Options) => Promise<unknown>;
}

type Options = Readonly<Record<string, string | boolean | undefined>>;

const GET_ALL = (path: string) => async (ask: AskDirectory) => (await ask('GET', path)).value;

export const IDENTITY_VERBS: readonly IdentityVerb[] = [
  {
    words: 'app create <name>',
    description: 'register an application, with a service principal in the tenant',
    options: [
      ['--multi-tenant', 'other tenants may have a service principal of it'],
      ['--public', 'it signs people in without a secret of its own'],
      ['--redirect-uri <uri>', 'where people are sent back to'],
    ],
    run: async (ask, [displayName], { multiTenant, public: isPublic, redirectUri }) => {
      const application = await ask('POST', '/applications', {
        displayName,
        signInAudience: multiTenant === true ? 'AzureADMultipleOrgs' : 'AzureADMyOrg',
        isFallbackPublicClient: isPublic === true,
        publicClient: { redirectUris: redirectUri === undefined ? [] : [redirectUri] },
      });
      const principal = await ask('POST', '/servicePrincipals', { appId: application.appId });
      return { ...application, servicePrincipalId: principal.id };
    },
  },
  { words: 'app list', description: 'list applications', run: GET_ALL('/applications') },
  {
    words: 'app show <app>',
    description: 'show an application',
    run: (ask, [app]) => ask('GET', `/applications/${segment(app)}`),
  },
  {
    words: 'app delete <app>',
    description: 'delete an application and its service principals',
    run: (ask, [app]) => ask('DELETE', `/applications/${segment(app)}`),
  },
  {
    words: 'app secret add <app>',
    description: 'make a secret, which is shown once',
    options: [
      ['--name <name>', 'for people to tell it from others'],
      ['--until <date>', 'when it ends; in two years unless named'],
    ],
    run: (ask, [app], { name, until }) =>
      ask('POST', `/applications/${segment(app)}/addPassword`, {
        passwordCredential: given({ displayName: name, endDateTime: until }),
      }),
  },
  {
    words: 'app secret remove <app> <keyId>',
    description: 'remove a secret',
    run: (ask, [app, keyId]) => ask('POST', `/applications/${segment(app)}/removePassword`, { keyId }),
  },
  {
    words: 'app certificate add <app> <file>',
    description: 'register a certificate (PEM) whose key signs assertions',
    run: async (ask, [app, file]) =>
      ask('POST', `/applications/${segment(app)}/addKey`, {
        keyCredential: { type: 'AsymmetricX509Cert', usage: 'Verify', key: await readCertificate(file ?? '') },
      }),
  },
  {
    words: 'app certificate remove <app> <keyId>',
    description: 'remove a certificate',
    run: (ask, [app, keyId]) => ask('POST', `/applications/${segment(app)}/removeKey`, { keyId }),
  },
  {
    words: 'app federated-credential add <app> <name>',
    description: 'let a subject of another issuer be the application',
    options: [
      ['--issuer <url>', 'the iss claim'],
      ['--subject <subject>', 'the sub claim'],
      ['--audience <audience>', 'the aud claim; api://AzureADTokenExchange unless named'],
    ],
    run: (ask, [app, name], { issuer, subject, audience }) =>
      ask('POST', `/applications/${segment(app)}/federatedIdentityCredentials`, {
        name,
        ...given({ issuer, subject, audiences: audience === undefined ? undefined : [audience] }),
      }),
  },
  {
    words: 'app federated-credential remove <app> <id>',
    description: 'take that back',
    run: (ask, [app, id]) => ask('DELETE', `/applications/${segment(app)}/federatedIdentityCredentials/${segment(id)}`),
  },
  {
    words: 'service-principal create <app>',
    description: 'give an application a principal in the tenant',
    run: (ask, [appId]) => ask('POST', '/servicePrincipals', { appId }),
  },
  { words: 'service-principal list', description: 'list service principals', run: GET_ALL('/servicePrincipals') },
  {
    words: 'service-principal update <id>',
    description: 'disable, enable or make an administrator of the directory',
    options: [
      ['--enabled <yes|no>', 'whether it gets access tokens'],
      ['--administrator <yes|no>', 'whether it may change the directory'],
    ],
    run: (ask, [id], options) => ask('PATCH', `/servicePrincipals/${segment(id)}`, principalChange(options)),
  },
  {
    words: 'service-principal delete <id>',
    description: 'delete a service principal',
    run: (ask, [id]) => ask('DELETE', `/servicePrincipals/${segment(id)}`),
  },
  {
    words: 'user create <name@domain>',
    description: 'add a person; the password comes from standard input',
    options: [
      ['--display-name <name>', 'what people call them'],
      ['--no-password', 'they cannot sign in until they have one'],
    ],
    run: async (ask, [userPrincipalName], { displayName, password }) =>
      ask('POST', '/users', {
        userPrincipalName,
        displayName: displayName ?? userPrincipalName,
        ...(password === false ? {} : { passwordProfile: { password: await readSecret('Password: ') } }),
      }),
  },
  { words: 'user list', description: 'list people', run: GET_ALL('/users') },
  {
    words: 'user disable <user>',
    description: 'let somebody in no more',
    run: (ask, [user]) => ask('PATCH', `/users/${segment(user)}`, { accountEnabled: false }),
  },
  {
    words: 'user enable <user>',
    description: 'let somebody in again',
    run: (ask, [user]) => ask('PATCH', `/users/${segment(user)}`, { accountEnabled: true }),
  },
  {
    words: 'user set-password <user>',
    description: 'set a password, which comes from standard input',
    run: async (ask, [user]) =>
      ask('PATCH', `/users/${segment(user)}`, { passwordProfile: { password: await readSecret('Password: ') } }),
  },
  {
    words: 'user delete <user>',
    description: 'delete somebody',
    run: (ask, [user]) => ask('DELETE', `/users/${segment(user)}`),
  },
  {
    words: 'group create <name>',
    description: 'make a group',
    run: (ask, [displayName]) => ask('POST', '/groups', { displayName }),
  },
  { words: 'group list', description: 'list groups', run: GET_ALL('/groups') },
  {
    words: 'group members <group>',
    description: 'list who is in a group',
    run: async (ask, [group]) => (await ask('GET', `/groups/${segment(group)}/members`)).value,
  },
  {
    words: 'group add-member <group> <member>',
    description: 'put a user, service principal or group into a group',
    run: (ask, [group, member]) =>
      ask('POST', `/groups/${segment(group)}/members/$ref`, {
        '@odata.id': `https://graph.microsoft.com/v1.0/directoryObjects/${member}`,
      }),
  },
  {
    words: 'group remove-member <group> <member>',
    description: 'take it out again',
    run: (ask, [group, member]) => ask('DELETE', `/groups/${segment(group)}/members/${segment(member)}/$ref`),
  },
  {
    words: 'group delete <group>',
    description: 'delete a group',
    run: (ask, [group]) => ask('DELETE', `/groups/${segment(group)}`),
  },
  { words: 'tenant list', description: 'list tenants', run: GET_ALL('/tenants') },
  {
    words: 'tenant create <name>',
    description: 'make another tenant',
    run: (ask, [displayName]) => ask('POST', '/tenants', { displayName }),
  },
];

function segment(text = ''): string {
  return encodeURIComponent(text);
}

function given(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function principalChange({ enabled, administrator }: Options): Record<string, unknown> {
  return given({
    accountEnabled: readAnswer('--enabled', enabled),
    isDirectoryAdministrator: readAnswer('--administrator', administrator),
  });
}

function readAnswer(option: string, answer: unknown): boolean | undefined {
  if (answer === undefined) return undefined;
  if (answer === 'yes' || answer === 'no') return answer === 'yes';
  throw new ConfigurationError([{ path: option, message: 'Expected yes or no.' }]);
}

async function readCertificate(path: string): Promise<string> {
  try {
    return new X509Certificate(await readFile(path)).raw.toString('base64');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'it is no certificate';
    throw new ConfigurationError([{ path, message: `The certificate cannot be read (${why}).` }]);
  }
}
