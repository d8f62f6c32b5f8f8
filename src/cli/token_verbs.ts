import type { SettingOptions } from './read_settings.ts';

export interface TokenVerb {
  /** As a person types it behind `strongroom token`. */
  readonly words: string;
  readonly description: string;
  readonly options?: readonly (readonly [flags: string, description: string])[];
  readonly load: () => Promise<(options: SettingOptions, ...names: string[]) => Promise<number>>;
}

/** What operators do with the tokens of a server, which runs, but for `add` alone. */
export const TOKEN_VERBS: readonly TokenVerb[] = [
  {
    words: 'list',
    description: 'name, state, hosts and lanes of each',
    load: async () => (await import('./token_list.ts')).listTokens,
  },
  {
    words: 'add <name>',
    description: 'have a configured one join, with the pool keys of another or by a quorum of custodians',
    options: [
      ['--file <file>', 'the security domain, when no other token gives its keys'],
      ['--key <file...>', 'of custodians, with the certificates beside them, as many as the quorum wants'],
    ],
    load: async () => (await import('./token_add.ts')).addToken,
  },
  {
    words: 'drain <name>',
    description: 'have one finish what it is at, and get nothing new',
    load: async () => (await import('./token_drain.ts')).drainToken,
  },
  {
    words: 'resume <name>',
    description: 'put one back into service, or have what keeps it from serving tried anew',
    load: async () => (await import('./token_resume.ts')).resumeToken,
  },
  {
    words: 'remove <name>',
    description: 'take one out of the pool that does not serve any more',
    options: [['--leave-keys', 'although keys are in it alone, or it cannot be asked']],
    load: async () => (await import('./token_remove.ts')).removeToken,
  },
];
