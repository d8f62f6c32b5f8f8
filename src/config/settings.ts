import { LIMITS } from '../model/limits.ts';
import {
  addresses,
  addressRanges,
  choice,
  discreetText,
  flag,
  GUID,
  guids,
  integer,
  objects,
  origins,
  path,
  type Setting,
  type SettingList,
  text,
} from './setting.ts';

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;

const PROFILES = ['auto', 'softhsm', 'nss', 'generic'] as const;

/** Which token, and how to log in to it. */
const TOKEN = {
  /** The PKCS#11 module; a SoftHSM token is made in the data directory where no token is named. */
  module: path(undefined),
  tokenLabel: text(undefined, '1 to 32 characters', /^.{1,32}$/u),
  pinFile: path(undefined),
  /** Name of the environment variable that carries the PIN. */
  pinVariable: text(undefined, 'the name of an environment variable', /^[A-Za-z_][A-Za-z0-9_]{0,127}$/),
  /** What the module is given in C_Initialize, where it learns from there which token it is to have (NSS). */
  moduleParameters: text(undefined, '1 to 4096 printable characters', /^[\x20-\x7e]{1,4096}$/),
};

/**
 * Every setting there is. A path in dots names one in messages; `hsm.pinFile` is STRONGROOM_HSM_PIN_FILE in the environment.
 */
export const SETTINGS = {
  /** Everything that the server keeps. Created with mode 0700. */
  dataDir: path('.strongroom'),
  listen: addresses('localhost:8443'),
  /** The HSM is served at `https://{hsm.name}.{domain}`, and tokens are issued for `https://{domain}`. */
  domain: text('managedhsm.localhost', 'a host name in lower case with at least two labels', HOST_NAME),
  /** Where the built-in issuer is served; `login.` and the parent of the domain unless named. */
  loginHost: text(undefined, 'a host name in lower case with at least two labels', HOST_NAME),
  /** The directory that principals belong to; made on first start unless named. */
  tenant: text(undefined, 'a GUID in lower case', GUID),
  region: text('local', '1 to 64 letters, digits or hyphens', /^[0-9A-Za-z-]{1,64}$/),
  identity: {
    /** The built-in issuer gives access tokens, and they are believed. */
    embedded: flag(true),
    /** Issuers whose access tokens are believed beside its own, or in their place (docs/identity.md). */
    issuersFile: path(undefined),
    /** Where processes of this machine get access tokens for being who they are; nowhere unless named. */
    managedIdentityListen: addresses(undefined),
    /** Who they may be (docs/identity.md). */
    managedIdentitiesFile: path(undefined),
  },
  access: {
    /** Object ids of those who hold the Administrator role at `/` from the beginning (docs/roles.md). */
    initialAdministrators: guids(LIMITS.initialAdministrators),
  },
  tls: {
    /** The operator's own certificate chain and key in PEM, in place of those of the local authority. */
    certificate: path(undefined),
    key: path(undefined),
    /** Certificates in PEM of authorities: who calls the HSM has to show one that they vouch for. */
    clientAuthorities: path(undefined),
  },
  network: {
    /** From where the HSM may be called (docs/firewall.md); from everywhere unless named. Read again when it changes. */
    rulesFile: path(undefined),
    /** What arrives there came through a private link. */
    privateListen: addresses(undefined),
    /** Where proxies say for whom they speak (PROXY protocol, version 2), and which of them are believed. */
    proxyListen: addresses(undefined),
    trustedProxies: addressRanges(LIMITS.trustedProxies),
  },
  hsm: {
    name: text('demo', '3 to 24 letters in lower case, digits or hyphens', /^[0-9a-z][0-9a-z-]{1,22}[0-9a-z]$/),
    ...TOKEN,
    /** Several tokens in place of the one above; what an entry leaves open of its last three is as it is for all. */
    tokens: objects(LIMITS.tokensPerPool, {
      /** What operators call it. */
      name: text(undefined, '1 to 32 letters, digits or hyphens', /^[0-9A-Za-z][0-9A-Za-z-]{0,31}$/),
      ...TOKEN,
      profile: choice(undefined, PROFILES),
      hosts: integer(undefined, 1, LIMITS.hostsPerToken),
      lanesPerHost: integer(undefined, 1, LIMITS.lanesPerHost),
    }),
    /** How many tokens are made in the data directory, where none is named. */
    ownTokens: integer(1, 1, LIMITS.tokensPerPool),
    profile: choice('auto', PROFILES),
    isolation: choice('process', ['process', 'thread']),
    /** Which ECDSA signatures are verified before they leave; RSA signatures always are. */
    signatureChecks: choice('sampled', ['always', 'sampled', 'off']),
    hosts: integer(undefined, 1, LIMITS.hostsPerToken),
    lanesPerHost: integer(undefined, 1, LIMITS.lanesPerHost),
  },
  store: {
    /** `postgres://user@host:port/database` for a store that several servers share; a SQLite file in the data directory unless named. */
    url: discreetText(
      undefined,
      'a postgres:// URL without a password',
      /^postgres(?:ql)?:\/\/(?:[^:@/]+@)?[^@/]+\/[^/]+$/,
    ),
    /** Holds the password of the database's user. */
    passwordFile: path(undefined),
  },
  keys: {
    /** How long a deleted key can be recovered. */
    retentionDays: integer(LIMITS.retentionDays, LIMITS.retentionDaysLeast, LIMITS.retentionDays),
    /** Nobody purges a deleted key before its time. */
    purgeProtection: flag(false),
    perPool: integer(LIMITS.keysPerPool, 1, LIMITS.keysPerPoolMost),
    versionsPerKey: integer(LIMITS.versionsPerKey, 1, LIMITS.versionsPerKeyMost),
  },
  release: {
    /** Whose word is taken on environments that ask for keys (docs/release.md); nobody's unless named. */
    authoritiesFile: path(undefined),
  },
  engine: {
    custody: choice('wrapped', ['wrapped', 'resident']),
    operationTimeoutMs: integer(LIMITS.operationTimeoutMs, 100, 60_000),
    operationsAdmitted: integer(LIMITS.operationsAdmitted, 1, LIMITS.operationsAdmitted),
  },
  audit: {
    /** Where records are when they are on record: in files of the data directory, or in a table of the shared store. */
    ledger: choice('file', ['file', 'postgres']),
    /** `written`: a record survives the end of the server. `synced`: it survives a power cut. */
    durability: choice('written', ['written', 'synced']),
    /** What has a record before it is begun: what changes something, or every operation with a key as well. */
    announced: choice('changes', ['changes', 'operations']),
    /** A file is followed by another when it is as long as this. */
    fileBytes: integer(LIMITS.auditFileBytes, LIMITS.auditFileBytesLeast, LIMITS.auditFileBytesMost),
    /** After how many records the head is signed, and after how long. */
    recordsPerHead: integer(LIMITS.auditLinesPerHead, 1, 100_000),
    headSeconds: integer(LIMITS.auditHeadMs / 1000, 1, 3_600),
    /** Signed heads are kept here as well: where somebody who can change the log cannot change them. */
    headsFile: path(undefined),
    /** They are sent here as well, by HTTP POST. */
    headsUrl: text(undefined, 'an http:// or https:// URL without a password', /^https?:\/\/[^\s@]{1,2000}$/),
    /** Records go to the standard output as well. */
    stdout: flag(false),
    /** Records go here as well. */
    syslog: text(
      undefined,
      'tcp://HOST:PORT or unix:/PATH',
      /^(?:tcp:\/\/(?:[0-9A-Za-z.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}|unix:\/.{1,106})$/,
    ),
  },
  securityDomain: {
    /** The pool serves before custodians have its security domain; a token of our own gets custodians for development (docs/security_domain.md). */
    autoActivate: flag(true),
  },
  backup: {
    /** A directory for backups of the pool, which callers know as `file:`; they name no other. */
    directory: path(undefined),
    /** Blob stores that backups of the pool may go to; every one over https unless named (docs/backup.md). */
    storageOrigins: origins(LIMITS.storageOrigins),
  },
  compatibility: {
    /** `/keys/delete` belongs to the Crypto User, as the live service has it. */
    cryptoUserMayDelete: flag(false),
  },
  log: {
    level: choice('info', ['fatal', 'error', 'warn', 'info', 'debug', 'silent']),
  },
} as const;

type ValuesOf<T> =
  T extends Setting<infer V>
    ? V
    : T extends SettingList<infer Entry>
      ? readonly ValuesOf<Entry>[]
      : { readonly [K in keyof T]: ValuesOf<T[K]> };

/** All settings, validated and frozen. */
export type Configuration = ValuesOf<typeof SETTINGS>;
