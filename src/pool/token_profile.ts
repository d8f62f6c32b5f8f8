import { availableParallelism } from 'node:os';
import type { HashName } from '../model/algorithm.ts';
import { CURVES, type Curve } from '../model/key.ts';
import { LIMITS } from '../model/limits.ts';
import { RETURN_VALUE } from '../pkcs11/return_value.ts';
import { NSS_MODEL } from '../pkcs11/template.ts';
import type { LaneRange } from './lane_tuner.ts';

export type TokenProfileName = 'softhsm' | 'nss' | 'generic';

/** What a device family needs, and what it cannot do. Code takes the row, never the name. */
export interface TokenProfile {
  readonly name: TokenProfileName;
  readonly hosts: number;
  /** Lanes of one host: threads with one session each. Within a range they are tuned under load. */
  readonly lanes: LaneRange;
  /** Objects of the token are made and destroyed one at a time, because the module races with itself. */
  readonly serialisedCreation: boolean;
  /** Hashes of CKM_RSA_PKCS_OAEP: the mechanism list of a token does not tell them. */
  readonly oaepHashes: ReadonlySet<HashName>;
  /** Of EC keys: the mechanism list of a token does not tell them either. */
  readonly curves: ReadonlySet<Curve>;
  /** C_UnwrapKey of an EC key wants to be told its public point, in an attribute of NSS's own. */
  readonly namesPointOfUnwrapped: boolean;
  /** It keeps one secret key under a CKA_ID: a second one takes the place of the first. */
  readonly oneSecretPerId: boolean;
  /** What C_Verify says of a signature that is not valid, beside CKR_SIGNATURE_INVALID. */
  readonly failedVerification: number | undefined;
  /**
   * CKA_PRIVATE of session objects. `public` spares SoftHSM from encrypting a value in its memory under a key that lies in the same
   * memory; the value is CKA_SENSITIVE either way.
   */
  readonly sessionObjects: 'private' | 'public';
  /** The pool keys are copied into session objects, which the module serves faster than objects of the token. */
  readonly copiesPoolKeys: boolean;
  /** False where the device's policy forbids C_WrapKey: then only resident custody works. */
  readonly canWrap: boolean;
}

const ALL_CURVES: ReadonlySet<Curve> = new Set(CURVES);

const PROFILES: Readonly<Record<TokenProfileName, TokenProfile>> = {
  /** One instance serialises everything under a global lock: a second lane makes it slower, a second process twice as fast. */
  softhsm: {
    name: 'softhsm',
    hosts: Math.min(availableParallelism(), LIMITS.hostsPerToken),
    lanes: { first: 1, most: 1 },
    serialisedCreation: true,
    oaepHashes: new Set<HashName>(['SHA-1']),
    curves: ALL_CURVES,
    namesPointOfUnwrapped: false,
    oneSecretPerId: false,
    failedVerification: undefined,
    sessionObjects: 'private',
    copiesPoolKeys: true,
    canWrap: true,
  },
  /** A database of NSS. */
  nss: {
    name: 'nss',
    hosts: Math.min(availableParallelism(), LIMITS.hostsPerToken),
    lanes: { first: 1, most: 1 },
    serialisedCreation: true,
    oaepHashes: new Set<HashName>(['SHA-1', 'SHA-256']),
    curves: new Set<Curve>(['P-256', 'P-384', 'P-521']),
    namesPointOfUnwrapped: true,
    oneSecretPerId: true,
    failedVerification: RETURN_VALUE.CKR_DEVICE_ERROR,
    sessionObjects: 'private',
    copiesPoolKeys: true,
    canWrap: true,
  },
  /** Any module with a device behind it: lanes hide the time that a call is on its way, and how many it takes shows under load. */
  generic: {
    name: 'generic',
    hosts: 1,
    lanes: { first: 4, most: LIMITS.lanesPerHost },
    serialisedCreation: false,
    oaepHashes: new Set<HashName>(['SHA-1', 'SHA-256']),
    curves: ALL_CURVES,
    namesPointOfUnwrapped: false,
    oneSecretPerId: false,
    failedVerification: undefined,
    sessionObjects: 'private',
    copiesPoolKeys: false,
    canWrap: true,
  },
};

/** By CK_TOKEN_INFO.model. */
const MODELS: readonly (readonly [RegExp, TokenProfileName])[] = [
  [/^SoftHSM/, 'softhsm'],
  [NSS_MODEL, 'nss'],
];

export interface TokenProfileOptions {
  /** `auto` asks the token who made it. */
  readonly profile?: TokenProfileName | 'auto' | undefined;
  readonly hosts?: number | undefined;
  readonly lanesPerHost?: number | undefined;
  readonly sessionObjects?: 'private' | 'public' | undefined;
}

/** The profile for a token, with what the operator set instead. */
export function tokenProfile(options: TokenProfileOptions, token: { readonly model: string }): TokenProfile {
  const { profile = 'auto' } = options;
  const detected = MODELS.find(([model]) => model.test(token.model))?.[1] ?? 'generic';
  const name = profile === 'auto' ? detected : profile;
  const row = PROFILES[name];
  return {
    ...row,
    hosts: withinLimit(options.hosts ?? row.hosts, 'hosts', LIMITS.hostsPerToken),
    lanes: options.lanesPerHost === undefined ? row.lanes : fixedLanes(options.lanesPerHost),
    sessionObjects: options.sessionObjects ?? row.sessionObjects,
  };
}

function fixedLanes(lanesPerHost: number): LaneRange {
  const lanes = withinLimit(lanesPerHost, 'lanesPerHost', LIMITS.lanesPerHost);
  return { first: lanes, most: lanes };
}

function withinLimit(value: number, what: string, most: number): number {
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new TypeError(`Expected an integer from 1 to ${most} for ${what}, received ${value}`);
  }
  return value;
}
