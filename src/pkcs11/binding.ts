/**
 * The border to the native core, field for field as native/js_values.h and native/ring.h have it. A test holds the two against each other.
 *
 * Work crosses as bytes, not as objects: JavaScript encodes any number of requests one after the other into a staging buffer and calls
 * `submit` once; `drain` fills a buffer with finished operations. All integers are little-endian; every record and every section
 * in it starts on a multiple of 8 bytes.
 */
import { createRequire } from 'node:module';

/** One operation of the ring, each a single request over the session of a lane (PKCS#11 v2.40, chapters 5.6–5.18). */
export const RING_OPERATION = {
  sign: 1,
  verify: 2,
  encrypt: 3,
  decrypt: 4,
  digest: 5,
  random: 6,
  generateKey: 7,
  generateKeyPair: 8,
  wrap: 9,
  unwrap: 10,
  create: 11,
  destroy: 12,
  getAttributes: 13,
  setAttributes: 14,
  find: 15,
  tokenInfo: 16,
  mechanisms: 17,
  copy: 18,
  /** Raw RSA in the token, OAEP in native code (RFC 8017 §7.1). The parameter is an OAEP one, the mechanism CKM_RSA_X_509. */
  oaepEncrypt: 19,
  oaepDecrypt: 20,
  /** The input as a session object under C_WrapKey, and back: for tokens whose key wrap knows objects alone. */
  wrapBytes: 21,
  unwrapBytes: 22,
} as const;
export type RingOperation = (typeof RING_OPERATION)[keyof typeof RING_OPERATION];

/** How the parameter section is to be read. */
export const PARAMETER_KIND = {
  none: 0,
  /** The bytes are the mechanism parameter (an IV). */
  raw: 1,
  /** u32 ivLength · u32 aadLength · u32 tagBits · u32 zero · iv · aad. An ivLength of 0 has the lane take 12 fresh bytes from C_GenerateRandom, and the answer starts with them. */
  gcm: 2,
  /** u32 hash mechanism (CKM_SHA…) · u32 mask generation function (CKG_…). No label. */
  oaep: 3,
  /** u32 hash mechanism · u32 mask generation function · u32 salt length. */
  pss: 4,
} as const;
export type ParameterKind = (typeof PARAMETER_KIND)[keyof typeof PARAMETER_KIND];

/** Attribute values on the wire: u32 type · u32 kind · u32 length · u32 zero · value, padded to 8 bytes. */
export const ATTRIBUTE_KIND = {
  /** One byte, 0 or 1. */
  bool: 0,
  /** CK_ULONG as 8 bytes. */
  ulong: 1,
  bytes: 2,
  /** In a query: asks for the attribute. In an answer: the token does not give it (sensitive, or unknown for the object). */
  absent: 3,
} as const;

/**
 * Header of a request: 64 bytes, then the sections parameter, input, input2, template, template2, each padded to 8 bytes.
 * Offsets in bytes. `object` and `object2` are object handles as u64.
 */
export const REQUEST = {
  recordLength: 0,
  operation: 4, // u16
  parameterKind: 6, // u16
  requestId: 8, // u32, chosen by JavaScript, comes back with the completion
  timeoutMs: 12, // u32, from submit on; 0 is without limit
  capacity: 16, // u32, longest answer that is accepted, in bytes
  mechanism: 20, // u32, CKM_…
  object: 24, // u64
  object2: 32, // u64
  parameterLength: 40,
  inputLength: 44,
  input2Length: 48,
  templateLength: 52,
  template2Length: 56,
  headerLength: 64,
} as const;

/** Header of a completion: 24 bytes, then the answer, padded to 8 bytes. */
export const COMPLETION = {
  recordLength: 0,
  requestId: 4,
  outcome: 8, // u16
  function: 10, // u16, index into FUNCTION_NAMES: the Cryptoki call that gave the return value
  returnValue: 12, // u32, CKR_…
  answerLength: 16, // u32; after CKR_BUFFER_TOO_SMALL the length needed, and no answer follows
  serviceTimeUs: 20, // u32, time inside the vendor library
  headerLength: 24,
} as const;

export const OUTCOME = {
  /** The token answered: see the return value. */
  done: 0,
  /** The deadline had passed before a lane took it; the token has not seen it. */
  expired: 1,
  /** The host died before a lane took it; the token has not seen it. */
  notStarted: 2,
  /** The host died while a lane was at it. */
  unknown: 3,
} as const;
export type Outcome = (typeof OUTCOME)[keyof typeof OUTCOME];

export const HOST_STATE = { starting: 0, ready: 1, failed: 2, stopped: 3 } as const;
export type HostState = (typeof HOST_STATE)[keyof typeof HOST_STATE];

/** Why and where a host failed to start; `function` 0 means outside Cryptoki (dlopen, no such token), and `message` says what. */
export interface HostStatus {
  readonly state: HostState;
  readonly function: number;
  readonly returnValue: number;
  readonly message: string;
}

/** Of a ring's host. */
export interface LaneCount {
  readonly open: number;
  /** The return value for which there are fewer than were ordered; 0 when there are not. */
  readonly refusal: number;
  /** Requests that its lanes have taken so far, and how long they have waited for some, all together. */
  readonly taken: number;
  readonly idleMs: number;
}

export interface RingOptions {
  /** The most that it can have, and what it has at first. */
  readonly lanes: number;
  /** Operations that the ring holds at once; a power of two. */
  readonly slots: number;
  /** Blocks of 64 KiB for what does not fit into a slot. */
  readonly arenaBlocks: number;
}

/** The doorbell of this process: one eventfd that the event loop polls, shared by all rings. */
export interface NativeDoorbell {
  readonly fd: number;
  /** While referenced, it keeps the event loop alive. */
  ref(): void;
  unref(): void;
  close(): void;
}

export interface NativeRing {
  /** Descriptor of the shared memory, for a host process to inherit. */
  readonly memoryFd: number;
  /** False when the memory could not be locked (RLIMIT_MEMLOCK). */
  readonly locked: boolean;
  /** Copies requests from `staging[0, length)` into free slots, in order, wakes lanes, and zeroises what it took. Answers the bytes consumed. */
  submit(staging: Uint8Array, length: number): number;
  /** Writes finished operations into `completions`, frees and zeroises their slots. Answers the bytes written; call again while it is not 0. */
  drain(completions: Uint8Array): number;
  hostStatus(): HostStatus;
  /** Per lane three numbers: milliseconds inside the current operation (-1 when idle), its operation, its request id. Answers the number of lanes. */
  laneStatus(out: Float64Array): number;
  laneCount(): LaneCount;
  /** Asks the host for so many lanes from now on, or for those that it was refused once more. */
  orderLanes(count: number): void;
  /** The host is gone: what it had finished stays to be drained, the rest completes as `notStarted` or `unknown`. Nothing can be submitted any more. */
  abandon(): void;
  close(): void;
}

export interface ThreadHostOptions {
  /** Path of the PKCS#11 module. */
  readonly module: string;
  readonly tokenSerial: string;
  readonly pin: Uint8Array;
  /** Load a copy of the module of its own (through a memfd), for a second instance in one process. */
  readonly privateCopy: boolean;
  /** C_Login is sent even when the token says CKF_USER_PIN_FINAL_TRY. Never when it says LOCKED. */
  readonly forceLogin: boolean;
}

/** Lanes as threads of this process (`isolation: 'thread'`). Its start shows in the ring's `hostStatus`. */
export interface NativeThreadHost {
  /** Lets the lanes finish what they do, joins them, and finalises the library. Never settles while a lane is stuck. */
  stop(): Promise<void>;
}

/** A public key in the parts that it is published in; `group` as OpenSSL names curves. */
export type VerifyingKeyParts =
  | { readonly modulus: Uint8Array; readonly publicExponent: Uint8Array }
  | { readonly group: string; readonly x: Uint8Array; readonly y: Uint8Array };

/** How the signed bytes become a signature. */
export const SIGNATURE_SCHEME = {
  /** Over a digest, as r ‖ s. */
  ecdsa: 0,
  /** EMSA-PKCS1-v1_5 over bytes that have their DigestInfo already (RFC 8017 §9.2). */
  pkcs1: 1,
  /** EMSA-PSS over a digest, with the same hash in the mask, and a salt as long (RFC 8017 §9.1). */
  pssSha256: 2,
  pssSha384: 3,
  pssSha512: 4,
} as const;
export type SignatureScheme = (typeof SIGNATURE_SCHEME)[keyof typeof SIGNATURE_SCHEME];

/** Verifies outside of the token and of its host: with the OpenSSL in this process. False for whatever is no signature, of any length. */
export interface NativeVerifyingKey {
  /** In Node's thread pool; takes copies before it returns. */
  verify(scheme: SignatureScheme, signed: Uint8Array, signature: Uint8Array): Promise<boolean>;
  /** On this thread, which for a quick one is less than to have it done elsewhere. */
  verifyNow(scheme: SignatureScheme, signed: Uint8Array, signature: Uint8Array): boolean;
}

export interface NativeAddon {
  readonly Doorbell: new (onRing: () => void) => NativeDoorbell;
  readonly Ring: new (options: RingOptions, doorbell: NativeDoorbell) => NativeRing;
  readonly ThreadHost: new (ring: NativeRing, options: ThreadHostOptions) => NativeThreadHost;
  /** @throws TypeError where the parts are no public key (a point that is not on the curve) */
  readonly VerifyingKey: new (
    parts: VerifyingKeyParts,
  ) => NativeVerifyingKey;
  /**
   * No core dumps, not dumpable, no new privileges; large blocks of memory are given back when they are freed. For the process that holds
   * plaintext in passing.
   */
  hardenProcess(): void;
  /** What the C library keeps of blocks that were freed goes back to the system; it takes a few milliseconds. */
  returnFreedMemory(): void;
  /** The layout as the native core has it, to be held against this file. */
  layout(): Record<string, Record<string, number>>;
  /** Names of the Cryptoki functions, by the index that completions carry. */
  functionNames(): readonly string[];
}

/**
 * How `hsm_host` is started: descriptor 3 is the ring's memory, 4 the doorbell. Standard input carries, then ends, five strings, each as u32 length and bytes:
 * module path · token serial · PIN · "1" to force the login, else "0" · number of lanes in decimal. It never takes anything from its command line.
 */
export const HSM_HOST_DESCRIPTORS = { memory: 3, doorbell: 4 } as const;

const require = createRequire(import.meta.url);
const BUILD = new URL('../../build/Release/', import.meta.url);

/** Path of the isolated host's executable. */
export const HSM_HOST_PATH: string = new URL('hsm_host', BUILD).pathname;

let loaded: NativeAddon | undefined;

export function nativeAddon(): NativeAddon {
  loaded ??= require(new URL('strongroom.node', BUILD).pathname) as NativeAddon;
  return loaded;
}
