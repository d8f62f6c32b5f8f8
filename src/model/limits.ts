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
  hostRestartsPerMinute: 5,
  hostsPerToken: 64,
  lanesPerHost: 64,
  completionsPerTurn: 1_000,
  requestBodyBytes: 256 * 1024,
  jsonDepth: 32,
  jsonMembers: 2_000,
  accessTokenCharacters: 16 * 1024,
  accessTokensCached: 4_096,
  /** How long a verified access token is taken without another look at it. */
  accessTokenCacheMs: 60_000,
  clockSkewSeconds: 60,
  groupsPerPrincipal: 1_000,
  /** Client secrets that the built-in issuer hashes at once, and that wait; one more is refused. Each takes 16 MiB. */
  clientSecretChecks: 2,
  clientSecretChecksWaiting: 64,
  tokenRequestBytes: 64 * 1024,
  headerBytes: 16 * 1024,
  pathCharacters: 2_048,
  connections: 10_000,
  hostNamesCached: 64,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  tlsHandshakeTimeoutMs: 5_000,
  keepAliveTimeoutMs: 65_000,
  drainTimeoutMs: 10_000,
} as const;
