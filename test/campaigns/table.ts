/**
 * Everything that is done again and again until a number is reached. An ordinary run of the tests does each campaign for a short while,
 * `npm run test:campaigns` in full.
 */
export interface Campaign {
  /** Where it is, from the top of the project. */
  readonly file: string;
  /** What is counted. */
  readonly unit: string;
  readonly full: number;
  readonly short: number;
  /** What has to be true of every single one: the rest of the title of the test. */
  readonly claim: string;
}

export const CAMPAIGNS = {
  kill_sqlite: {
    file: 'test/campaigns/kill.test.ts',
    unit: 'lives',
    full: 1_000,
    short: 20,
    claim: 'killed at work over SQLite, a server has what it acknowledged and nothing half-made',
  },
  kill_postgres: {
    file: 'test/campaigns/kill.test.ts',
    unit: 'lives',
    full: 200,
    short: 5,
    claim: 'killed at work over PostgreSQL, a server has what it acknowledged and nothing half-made',
  },
  postgres_failover: {
    file: 'test/campaigns/postgres_failover.test.ts',
    unit: 'faults',
    full: 300,
    short: 2,
    claim:
      'while the primary of two PostgreSQL servers is killed, stopped, cut off or followed by its standby, nothing acknowledged is lost, and changes go on within five seconds',
  },
  kill_restore_sqlite: {
    file: 'test/campaigns/kill_restore.test.ts',
    unit: 'restores',
    full: 100,
    short: 4,
    claim:
      'killed in the middle of a restore over SQLite, a server has all of what was there or all of the backup, as the job says',
  },
  kill_restore_postgres: {
    file: 'test/campaigns/kill_restore.test.ts',
    unit: 'restores',
    full: 100,
    short: 2,
    claim:
      'killed in the middle of a restore over PostgreSQL, a server has all of what was there or all of the backup, as the job says',
  },
  disk_faults: {
    file: 'test/campaigns/disk_faults.test.ts',
    unit: 'faults',
    full: 700,
    short: 10,
    claim:
      'wherever a full or failing disk meets a change, the answer is 200 or 503, nothing is lost or half-made, and a server goes on once the disk is well',
  },
  kill_audit: {
    file: 'test/api/audit.test.ts',
    unit: 'kills',
    full: 50,
    short: 5,
    claim: 'what a server that is killed has acknowledged is on record, each time, and the log holds',
  },
  return_values: {
    file: 'test/campaigns/return_values.test.ts',
    unit: 'cases',
    full: 6_930,
    short: 150,
    claim:
      'whatever return value comes from whatever function, there is an outcome and no crash, and the next request is served',
  },
  random_faults: {
    file: 'test/campaigns/random_faults.test.ts',
    unit: 'operations',
    full: 1_000_000,
    short: 2_000,
    claim:
      'where 0.5 % of the calls of the module meet a fault, no result is wrong, no acknowledged key is lost, and 99 % of all are done',
  },
  random_faults_of_three: {
    file: 'test/campaigns/random_faults.test.ts',
    unit: 'operations',
    full: 1_000_000,
    short: 1_000,
    claim:
      'over three tokens, each with faults of its own that three in a hundred operations meet, no result is wrong, no acknowledged key is lost, and 99 % of all are done',
  },
  host_deaths: {
    file: 'test/campaigns/host_deaths.test.ts',
    unit: 'deaths',
    full: 1_200,
    short: 18,
    claim:
      'hosts that crash, are killed or hang under load are replaced, and 99 % of all operations are done meanwhile',
  },
  flipped_signatures: {
    file: 'test/campaigns/flipped_signatures.test.ts',
    unit: 'flipped signatures',
    full: 100_000,
    short: 60,
    claim: 'of signatures in which the token has a bit wrong none leaves an engine that verifies always',
  },
  padding_oracle: {
    file: 'test/campaigns/padding_oracle.test.ts',
    unit: 'answers',
    full: 60_000,
    short: 1_000,
    claim: 'whatever is wrong with a ciphertext, the server answers in the same words and headers',
  },
  padding_timing: {
    file: 'test/campaigns/padding_timing.test.ts',
    unit: 'pairs',
    full: 20_000,
    short: 200,
    claim:
      'to decode one kind of bad OAEP ciphertext takes at most 200 ns longer than another in the median, and no whole request is seen to; RSA1_5 in the module is measured',
  },
  token_failures: {
    file: 'test/campaigns/token_failures.test.ts',
    unit: 'failures',
    full: 500,
    short: 12,
    claim:
      'while one of three tokens is away, slow, lies, fails or loses its sessions, 99.9 % of all operations are done, 99 % within 250 ms, and nothing wrong is let out',
  },
  wrong_pin: {
    file: 'test/campaigns/wrong_pin.test.ts',
    unit: 'restarts',
    full: 10_000,
    short: 10,
    claim: 'however often a service is restarted with a wrong PIN, the token is sent it once',
  },
  random_operations: {
    file: 'test/engine/random_operations.test.ts',
    unit: 'operations',
    full: 10_000,
    short: 2_000,
    claim: 'random operations over all algorithms and sizes have the results that node:crypto has',
  },
  backup_damage: {
    file: 'test/backup/backup_format.test.ts',
    unit: 'damages',
    full: 10_000,
    short: 500,
    claim:
      'a backup with a bit that is different or an end that is cut off, wherever that is, is refused for that reason',
  },
  backup_states: {
    file: 'test/backup/random_states.test.ts',
    unit: 'states',
    full: 200,
    short: 5,
    claim:
      'a pool at a random state comes back as it was, in another pool of the domain, and its keys do what they did',
  },
  key_life_cycle: {
    file: 'test/engine/key_life_cycle.test.ts',
    unit: 'lives',
    full: 1_000,
    short: 100,
    claim: 'random lives of keys go as a model in memory has them',
  },
  tampering: {
    file: 'test/audit/tampering.test.ts',
    unit: 'tamperings',
    full: 2_000,
    short: 300,
    claim: 'tamperings of every kind with the audit log are all found, with the heads kept elsewhere',
  },
  mutated_tokens: {
    file: 'test/identity/mutated_tokens.test.ts',
    unit: 'tokens',
    full: 100_000,
    short: 4_000,
    claim: 'of mutated access tokens none is accepted, and the good ones always are',
  },
  unknown_signing_keys: {
    file: 'test/identity/published_issuer.test.ts',
    unit: 'tokens',
    full: 10_000,
    short: 1_000,
    claim: 'access tokens with names of keys that there are not have the issuer asked once in half a minute at most',
  },
  secret_sharing: {
    file: 'test/security_domain/secret_sharing.test.ts',
    unit: 'splits',
    full: 100_000,
    short: 20_000,
    claim: 'fewer shares than are required are distributed as if there were no secret',
  },
  random_rules: {
    file: 'test/access/random_rules.test.ts',
    unit: 'rule sets',
    full: 1_000,
    short: 100,
    claim: 'a hundred callers of each are judged by the firewall as a comparison bit for bit has it',
  },
  role_graphs: {
    file: 'test/access/role_graphs.test.ts',
    unit: 'graphs',
    full: 100_000,
    short: 3_000,
    claim:
      'over random roles, groups and scopes, the authorizer and its explanation agree with the rules as they are written',
  },
  fuzzed_requests: {
    file: 'test/campaigns/fuzz.test.ts',
    unit: 'requests',
    full: 1_000_000,
    short: 2_000,
    claim:
      'whatever is asked over TLS, no answer is a 500, every error is in the envelope, and the server lives and does not grow',
  },
  fuzzed_bytes: {
    file: 'test/campaigns/fuzz.test.ts',
    unit: 'connections',
    full: 100_000,
    short: 500,
    claim:
      'whatever bytes come, behind the handshake or in place of it, no answer is a 500, and the server lives and does not grow',
  },
  slow_clients: {
    file: 'test/campaigns/slow_clients.test.ts',
    unit: 'slow clients',
    full: 4_500,
    short: 18,
    claim:
      'whoever sends headers or bodies slowly, or reads slowly, is cut off in twenty seconds and has others wait twice as long at most',
  },
  soak: {
    file: 'test/campaigns/soak.test.ts',
    unit: 'seconds',
    full: 3_600,
    short: 20,
    claim: 'at half of its load a server does not take more and more memory or descriptors',
  },
} as const satisfies Readonly<Record<string, Campaign>>;

export type CampaignName = keyof typeof CAMPAIGNS;
