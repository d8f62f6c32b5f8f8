/** Every maximum of the house. A limit that Azure publishes has Azure's value; the others bound memory and time. */
export const LIMITS = {
  /** Largest value that one cryptographic operation takes, in bytes: what the ring's arena carries. */
  operationInputBytes: 60 * 1024,
  aadBytes: 4 * 1024,
  randomBytes: 128,
  keyNameCharacters: 127,
  tagsPerKey: 15,
  tagCharacters: 256,
  keysPerPool: 5_000,
  versionsPerKey: 100,
  /** What an operator may set in their place. */
  keysPerPoolMost: 1_000_000,
  versionsPerKeyMost: 10_000,
  /** Days that a deleted key can be recovered (Azure API §1.8). */
  retentionDays: 90,
  retentionDaysLeast: 7,
  releasePolicyBytes: 32 * 1024,
  /** Days between rotations of a key, and of what a rotation policy may name (Azure API §1.11). */
  rotationDaysLeast: 28,
  rotationDaysMost: 36_500,
  /** How often the house looks for keys that are to be rotated or purged, and how many it takes up at a time. */
  houseKeepingMs: 60_000,
  dueKeysAtOnce: 100,
  /** The backup of one key; as base64url it fits into a request that restores it. */
  keyBackupBytes: 5 * 1024 * 1024,
  /** Items of one page of a list. */
  pageItems: 25,
  /** Items that the engine lists at a time. */
  listedAtOnce: 1_000,
  /** Roles (Azure API §1.6): custom definitions; assignments at `/` and `/keys` together; assignments at one key. */
  roleDefinitions: 50,
  roleAssignmentsOfPool: 50,
  roleAssignmentsPerKey: 10,
  /** What a custom role definition may be like. */
  roleNameCharacters: 512,
  roleDescriptionCharacters: 2_048,
  permissionsPerRole: 16,
  actionsPerPermission: 100,
  actionCharacters: 256,
  initialAdministrators: 20,
  /** How long roles decide that another server may have changed, while they are read anew; and the pause where they could not be read. */
  rolesDoubtedMs: 250,
  rolesRetryMs: 1_000,
  /** Items of one batch over the REST API. */
  batchItems: 256,
  batchReferenceCharacters: 128,
  /** Key versions that an engine remembers with their seal checked. */
  keyVersionsCached: 10_000,
  /** AES-GCM encryptions under one key version with random 96-bit IVs (SP 800-38D §8.3). */
  gcmEncryptionsPerKeyVersion: 2 ** 32,
  /** How many of them an engine takes from the store at a time; what it has not used is lost when it ends. */
  gcmEncryptionsReserved: 65_536,
  /** How far outside of `[nbf, exp)` an operation is still allowed, for clocks that differ (Azure API §1.8). */
  keyDateLeewaySeconds: 300,
  /** Operations of one engine that wait or run; one more is refused with `Throttled`. */
  operationsAdmitted: 8_192,
  /** Waiting operations of one key. */
  operationsQueuedPerKey: 4_096,
  /** Operations handed to one lane's ring before the rest waits in the engine, where it is shared out fairly. */
  operationsInRingPerLane: 64,
  operationsPerBatch: 4_096,
  operationTimeoutMs: 10_000,
  keyGenerationTimeoutMs: 120_000,
  /** Keys that are made or imported at once; as many more wait as `keyCreationsWaiting`, and one more is refused. */
  keyCreations: 8,
  keyCreationsWaiting: 1_024,
  /** A lane inside one vendor call for longer is stuck. */
  stuckLaneMs: 5_000,
  stuckKeyGenerationMs: 120_000,
  sessionObjectsPerHost: 1_000,
  /** Changes that wait for the store's writer; one more is refused. */
  storeWritesWaiting: 16_384,
  storeWritesPerTransaction: 1_000,
  /** Hosts in the address of a database that several servers share. */
  storeHosts: 8,
  /** Connections of one server to that database. */
  storeConnections: 16,
  /** Calls that wait for one of them; one more is refused. */
  storeConnectionsWaiting: 4_096,
  /** With what is waited on top of it for the answer: less than five seconds, after which changes go on where a connection has died unseen. */
  storeConnectTimeoutMs: 4_000,
  storeStatementTimeoutMs: 4_000,
  /** Of lines of an audit log, which go one batch after the other: all answers wait for one that hangs. */
  auditStatementTimeoutMs: 2_000,
  storeLockTimeoutMs: 2_000,
  /** How long a transaction may wait for its next statement before the database undoes it. */
  storeIdleTransactionMs: 3_000,
  /** How long each statement may take that puts the keys of a restore in the place of those that are there. */
  storeReplacementMs: 10 * 60_000,
  /** How long a change is tried again that others stood in the way of. */
  storeRetryMs: 10_000,
  /** Custodians of a security domain, and how many of them it takes to open it (Azure API §1.21). */
  custodiansLeast: 3,
  custodians: 10,
  quorumLeast: 2,
  /** Secrets in a security domain. */
  domainItems: 32,
  /** Backups of the pool: text in one of its parts before the next one begins, and what a part, with its one key in the worst case, may be. */
  backupChunkCharacters: 4 * 1024 * 1024,
  backupPartBytesMost: 256 * 1024 * 1024,
  backupStorageTimeoutMs: 120_000,
  /** Key versions that a restore hands to the store at a time. */
  backupVersionsStagedAtOnce: 500,
  /** How often a running backup or restore says that it is, and for how long others believe it. */
  backupRenewalMs: 5_000,
  backupLeaseMs: 30_000,
  /** … while a restore takes the place of what is there, and cannot say anything. */
  backupReplacementLeaseMs: 3 * 60_000,
  /** Backups and restores that are remembered. */
  backupJobs: 64,
  /** How old the last backup of a pool may be whose keys a restore replaces (Azure API §1.20). */
  backupAgeSeconds: 30 * 60,
  storageOrigins: 32,
  hostRestartsPerMinute: 5,
  /** How long everything that a token signs is verified after an error of it, and after a wrong signature. */
  distrustMs: 60_000,
  distrustAfterLieMs: 60 * 60_000,
  /** Public keys that are ready to verify; each takes a few kilobytes outside of JavaScript. */
  verifyingKeysCached: 1_024,
  tokensPerPool: 16,
  hostsPerToken: 64,
  lanesPerHost: 64,
  /** Of one host, whatever number of lanes it has: 2 KiB and 72 KiB each, all of it locked into memory. */
  ringSlots: 1_024,
  ringBlocks: 64,
  completionsPerTurn: 1_000,
  requestBodyBytes: 256 * 1024,
  /** Of a request that brings a backup back: all versions of a key, with everything that they have. */
  restoreBodyBytes: 8 * 1024 * 1024,
  jsonDepth: 32,
  jsonMembers: 2_000,
  accessTokenCharacters: 16 * 1024,
  accessTokensCached: 4_096,
  /** How long a verified access token is taken without another look at it. */
  accessTokenCacheMs: 60_000,
  clockSkewSeconds: 60,
  attestationTokenCharacters: 64 * 1024,
  /** An issuer's metadata and keys: how long one may be, how long it may take, and how often it is asked for. */
  authorityDocumentBytes: 256 * 1024,
  authorityTimeoutMs: 5_000,
  authorityPauseMs: 30_000,
  /** Fetched keys are asked for anew after the one, and not believed any more after the other. */
  authorityKeysAgeMs: 10 * 60_000,
  authorityKeysMostMs: 24 * 60 * 60_000,
  groupsPerPrincipal: 1_000,
  /** Client secrets that the built-in issuer hashes at once, and that wait; one more is refused. Each takes 16 MiB. */
  clientSecretChecks: 2,
  clientSecretChecksWaiting: 64,
  tokenRequestBytes: 64 * 1024,
  /** Connections to where managed identities get their tokens, and requests at once; one more is refused. */
  identityConnections: 256,
  identityRequests: 16,
  /** Passwords that the built-in issuer hashes at once, and that wait; one more is refused. Each takes 64 MiB. */
  passwordChecks: 2,
  passwordChecksWaiting: 32,
  passwordCharactersLeast: 15,
  passwordCharacters: 256,
  userNameCharacters: 320,
  /** Wrong guesses (passwords, codes of devices) that an address has at once; then it has one in so many milliseconds. */
  guessesAtOnce: 20,
  guessEveryMs: 5_000,
  guessingAddressesKept: 10_000,
  /** A user is locked out after so many wrong passwords in a row, for a time that doubles from the one to the other. */
  failuresBeforeLockOut: 10,
  lockOutMs: 60_000,
  lockOutMostMs: 15 * 60_000,
  failuresForgottenMs: 60 * 60_000,
  lockOutsKept: 10_000,
  familiarAddressesKept: 10_000,
  /** Of an authorization request: what an application may have repeated to it. */
  authorizationStateCharacters: 4_096,
  nonceCharacters: 512,
  redirectUriCharacters: 2_048,
  authorizationCodeMs: 60_000,
  authorizationCodesPerUser: 16,
  /** A refresh token ends when it has not been used for the one time, and its line of successors after the other. */
  refreshTokenIdleMs: 14 * 24 * 60 * 60_000,
  refreshTokensMostMs: 90 * 24 * 60 * 60_000,
  /** Lines of refresh tokens of one user; with one more the one that was used longest ago ends. */
  refreshTokensPerUser: 32,
  /** How often a change of a document begins again that others were faster with. */
  documentChangeTries: 8,
  /** Device codes that wait to be entered, in all and from one address; how long, and how often a device may ask. */
  deviceCodes: 200,
  deviceCodesPerAddress: 10,
  deviceCodeMs: 15 * 60_000,
  devicePollMs: 5_000,
  deviceRequestsWaiting: 64,
  /** How often what has ended is removed from the store. */
  issuerSweepMs: 60 * 60_000,
  /** How long a server of the built-in issuer signs with one key. */
  issuerKeyMs: 30 * 24 * 60 * 60 * 1000,
  /** How long an assertion that a client signs may be good for, and how many are remembered so that none is taken twice. */
  assertionSeconds: 3_600,
  assertionsRemembered: 65_536,
  /** Issuers of federated credentials whose published keys are kept at hand. */
  federatedIssuers: 64,
  directoryObjectsPerKind: 10_000,
  groupMembers: 5_000,
  credentialsPerApplication: 20,
  /** Names in the directory. */
  directoryNameCharacters: 256,
  headerBytes: 16 * 1024,
  pathCharacters: 2_048,
  connections: 10_000,
  hostNamesCached: 64,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  /** Requests of one connection that wait for their answers; with one more it is cut off. */
  requestsPerConnection: 32,
  /** How long a caller may take to read an answer. */
  answerTimeoutMs: 15_000,
  tlsHandshakeTimeoutMs: 5_000,
  /** What a proxy says of a connection: how long it may be, and how long it may take. */
  proxyHeaderBytes: 4_096,
  proxyHeaderTimeoutMs: 5_000,
  trustedProxies: 256,
  keepAliveTimeoutMs: 65_000,
  drainTimeoutMs: 10_000,
  /** How long a verb of the command line waits for an answer: a key of 4096 bits takes its time. */
  clientTimeoutMs: 130_000,
  /** The audit log: how long a record may take to be written, and how many wait. One more is refused. */
  auditDeadlineMs: 250,
  auditLinesWaiting: 16_384,
  /** Its first line, while nobody waits for an answer yet. */
  auditOpeningMs: 5_000,
  /** When the head of its tree is signed. */
  auditLinesPerHead: 1_000,
  auditHeadMs: 10_000,
  /** A file of it is followed by another. */
  auditFileBytes: 64 * 1024 * 1024,
  auditFileBytesLeast: 1024 * 1024,
  auditFileBytesMost: 1024 * 1024 * 1024,
  auditCloseMs: 2_000,
  /** Of what a caller writes freely, and the log repeats. */
  auditTextCharacters: 256,
  /** What waits for a copy of the log that does not answer; more is left out of it. */
  auditCopyBytes: 16 * 1024 * 1024,
  /** How long it may take to hand a signed head to somebody else. */
  auditHeadPostMs: 5_000,
  /** The file of network rules, and what it may name. Azure takes ten rules for addresses; ours cost nothing. */
  networkRulesBytes: 1024 * 1024,
  networkRulesMembers: 4_096,
  ipRules: 2_000,
  virtualNetworks: 256,
  /** Proxies, addresses of this machine and sources of one virtual network, each. */
  addressesPerNetwork: 256,
  trustedServices: 256,
  /** How often the file is looked at though nothing says that it has changed, how long after something did, and how often a bad one is told. */
  networkRulesPollMs: 5_000,
  networkRulesSettleMs: 50,
  networkRulesReminderMs: 10 * 60_000,
} as const;
