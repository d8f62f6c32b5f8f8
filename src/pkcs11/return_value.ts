import type { ErrorCode } from '../model/errors.ts';
import { RING_OPERATION, type RingOperation } from './binding.ts';

/**
 * What a return value asks for. The pool reacts to the class; nothing else in the house looks at return values.
 * - `ok`: the token did it.
 * - `result`: an answer, not a failure: the signature is not valid.
 * - `callerInput`: the caller's bytes are at fault, and the task tells the caller so.
 * - `policy`: the attributes of the key forbid it.
 * - `capability`: this token cannot do it; another may.
 * - `bufferTooSmall`: do it again with the capacity that the completion names.
 * - `retryHere`: the token is busy; do it again on the same host after the pause.
 * - `retryElsewhere`: the token is in an unknown state; another host first.
 * - `tokenSick`: the device itself has failed: another token first, and this one is left until it answers again.
 * - `sessionLost`: the lane's session is not usable any more; do it again on a new one, keys looked up anew.
 * - `hostLost`: the instance of the library is not usable any more (not logged in, not initialised): replace the host.
 * - `tokenLost`: the token has gone: every session and handle of its hosts is void.
 * - `handleUnknown`: the key's handle is stale; forget it and bring the key anew.
 * - `resource`: memory has run out; again, after the pause.
 * - `noSession`: the token has no session to give, so nothing was begun: wait for one that works.
 * - `refused`: an operator or a policy of the device said no; not to be asked again.
 * - `pin`: the token is out of service until an operator acts: no login until then, and never again with a PIN that it refused.
 * - `defect`: a mistake of ours or a quirk of the device; doing it again changes nothing.
 * - `fatal`: the device or library declares itself unfit.
 */
export type ReactionClass =
  | 'ok'
  | 'result'
  | 'callerInput'
  | 'policy'
  | 'capability'
  | 'bufferTooSmall'
  | 'retryHere'
  | 'retryElsewhere'
  | 'tokenSick'
  | 'sessionLost'
  | 'hostLost'
  | 'tokenLost'
  | 'handleUnknown'
  | 'resource'
  | 'noSession'
  | 'refused'
  | 'pin'
  | 'defect'
  | 'fatal';

export interface Reaction {
  readonly class: ReactionClass;
  /** How many more times a pure operation may be done because of it. */
  readonly retries: number;
  /** The pause before the first retry; it doubles for each further one and is to be jittered. */
  readonly backoffMs: number;
  /** Whether it speaks against the health of the token. What a caller can provoke never does. */
  readonly countsAgainstToken: boolean;
  /** Whether a few of them have the instance replaced, once it has finished what it has. */
  readonly wearsOutHost: boolean;
  /** What the token is not asked for any more until it is looked at again, as long as another does it. */
  readonly lacks: 'mechanism' | 'writing' | undefined;
  /** What the caller is told when no retry is left. */
  readonly code: ErrorCode;
}

function reaction(kind: ReactionClass, code: ErrorCode, options: Partial<Reaction> = {}): Reaction {
  const defaults = { retries: 0, backoffMs: 0, countsAgainstToken: false, wearsOutHost: false, lacks: undefined };
  return Object.freeze({ ...defaults, ...options, class: kind, code });
}

const OK = reaction('ok', 'InternalError');
const RESULT = reaction('result', 'InternalError');
const BAD_INPUT = reaction('callerInput', 'BadParameter');
const UNDECIPHERABLE = reaction('callerInput', 'DecryptionFailed');
const POLICY = reaction('policy', 'Forbidden');
const CAPABILITY = reaction('capability', 'NotSupported', { retries: 1 });
/** Of the kinds of CAPABILITY these alone say nothing of the key: a caller's key of an odd size takes no mechanism away from others. */
const NO_MECHANISM = reaction('capability', 'NotSupported', { retries: 1, lacks: 'mechanism' });
const READ_ONLY_TOKEN = reaction('capability', 'ServiceUnavailable', { retries: 1, lacks: 'writing' });
const UNSAVEABLE = reaction('capability', 'ServiceUnavailable');
const NO_RANDOM = reaction('capability', 'ServiceUnavailable', { retries: 1 });
const BUFFER = reaction('bufferTooSmall', 'InternalError', { retries: 1 });
/** Network HSMs say CKR_FUNCTION_FAILED when they are busy: no sign of ill health, or load alone would take a token out. */
const BUSY = reaction('retryHere', 'ServiceUnavailable', { retries: 3, backoffMs: 20 });
const UNKNOWN_STATE = reaction('retryElsewhere', 'ServiceUnavailable', { retries: 1, countsAgainstToken: true });
const SICK = reaction('tokenSick', 'ServiceUnavailable', { retries: 1, countsAgainstToken: true });
const SESSION = reaction('sessionLost', 'ServiceUnavailable', { retries: 1 });
/** A mistake of ours, which a session that is opened anew mends, or nothing does. */
const READ_ONLY_SESSION = reaction('sessionLost', 'InternalError', { retries: 1 });
const HOST = reaction('hostLost', 'ServiceUnavailable', { retries: 1 });
/** Somebody else is logged in, in the instance of ours: whatever is done there is done as him. */
const FOREIGN_USER = reaction('hostLost', 'ServiceUnavailable');
const TOKEN = reaction('tokenLost', 'ServiceUnavailable', { retries: 1, countsAgainstToken: true });
/** Twice, for a lost session takes its objects with it, and that it was lost may have taken a try. */
const HANDLE = reaction('handleUnknown', 'KeyMissing', { retries: 2 });
const RESOURCE = reaction('resource', 'ServiceUnavailable', { retries: 1, backoffMs: 50 });
const HOST_MEMORY = reaction('resource', 'ServiceUnavailable', { retries: 1, backoffMs: 50, wearsOutHost: true });
/** The lane that is refused a session ends; those that have one do its work, in 5 s or so at the latest. */
const NO_SESSION = reaction('noSession', 'ServiceUnavailable', { retries: 8, backoffMs: 20 });
const REFUSED = reaction('refused', 'ServiceUnavailable');
const PIN = reaction('pin', 'ServiceUnavailable', { retries: 1, countsAgainstToken: true });
const DEFECT = reaction('defect', 'InternalError');
const FATAL = reaction('fatal', 'ServiceUnavailable', { retries: 1, countsAgainstToken: true });
const SELF_TEST = reaction('fatal', 'SelfTestFailed', { retries: 1, countsAgainstToken: true });
/** Like UNKNOWN_STATE, but where a caller's bytes may be the reason: done again, never held against the token. */
const UNKNOWN_STATE_OR_INPUT = reaction('retryElsewhere', 'ServiceUnavailable', { retries: 1 });

/** Every return value of PKCS#11 v2.40 and v3.0 (§2.1 "Function return values"), and the reaction where neither operation nor input changes it. */
const ROWS = {
  CKR_OK: [0x000, OK],
  CKR_CANCEL: [0x001, REFUSED],
  CKR_HOST_MEMORY: [0x002, HOST_MEMORY],
  CKR_SLOT_ID_INVALID: [0x003, TOKEN],
  CKR_GENERAL_ERROR: [0x005, UNKNOWN_STATE],
  CKR_FUNCTION_FAILED: [0x006, BUSY],
  CKR_ARGUMENTS_BAD: [0x007, DEFECT],
  CKR_NO_EVENT: [0x008, OK],
  CKR_NEED_TO_CREATE_THREADS: [0x009, DEFECT],
  CKR_CANT_LOCK: [0x00a, DEFECT],
  CKR_ATTRIBUTE_READ_ONLY: [0x010, DEFECT],
  CKR_ATTRIBUTE_SENSITIVE: [0x011, POLICY],
  CKR_ATTRIBUTE_TYPE_INVALID: [0x012, DEFECT],
  CKR_ATTRIBUTE_VALUE_INVALID: [0x013, DEFECT],
  CKR_ACTION_PROHIBITED: [0x01b, POLICY],
  CKR_DATA_INVALID: [0x020, BAD_INPUT],
  CKR_DATA_LEN_RANGE: [0x021, BAD_INPUT],
  CKR_DEVICE_ERROR: [0x030, SICK],
  CKR_DEVICE_MEMORY: [0x031, RESOURCE],
  CKR_DEVICE_REMOVED: [0x032, TOKEN],
  CKR_ENCRYPTED_DATA_INVALID: [0x040, UNDECIPHERABLE],
  CKR_ENCRYPTED_DATA_LEN_RANGE: [0x041, UNDECIPHERABLE],
  CKR_AEAD_DECRYPT_FAILED: [0x042, UNDECIPHERABLE],
  CKR_FUNCTION_CANCELED: [0x050, REFUSED],
  CKR_FUNCTION_NOT_PARALLEL: [0x051, DEFECT],
  CKR_FUNCTION_NOT_SUPPORTED: [0x054, NO_MECHANISM],
  CKR_KEY_HANDLE_INVALID: [0x060, HANDLE],
  CKR_KEY_SIZE_RANGE: [0x062, CAPABILITY],
  CKR_KEY_TYPE_INCONSISTENT: [0x063, CAPABILITY],
  CKR_KEY_NOT_NEEDED: [0x064, DEFECT],
  CKR_KEY_CHANGED: [0x065, DEFECT],
  CKR_KEY_NEEDED: [0x066, DEFECT],
  CKR_KEY_INDIGESTIBLE: [0x067, CAPABILITY],
  CKR_KEY_FUNCTION_NOT_PERMITTED: [0x068, CAPABILITY],
  CKR_KEY_NOT_WRAPPABLE: [0x069, POLICY],
  CKR_KEY_UNEXTRACTABLE: [0x06a, POLICY],
  CKR_MECHANISM_INVALID: [0x070, NO_MECHANISM],
  CKR_MECHANISM_PARAM_INVALID: [0x071, DEFECT],
  CKR_OBJECT_HANDLE_INVALID: [0x082, HANDLE],
  CKR_OPERATION_ACTIVE: [0x090, SESSION],
  CKR_OPERATION_NOT_INITIALIZED: [0x091, SESSION],
  CKR_PIN_INCORRECT: [0x0a0, PIN],
  CKR_PIN_INVALID: [0x0a1, PIN],
  CKR_PIN_LEN_RANGE: [0x0a2, PIN],
  CKR_PIN_EXPIRED: [0x0a3, PIN],
  CKR_PIN_LOCKED: [0x0a4, PIN],
  CKR_SESSION_CLOSED: [0x0b0, SESSION],
  CKR_SESSION_COUNT: [0x0b1, NO_SESSION],
  CKR_SESSION_HANDLE_INVALID: [0x0b3, SESSION],
  CKR_SESSION_PARALLEL_NOT_SUPPORTED: [0x0b4, DEFECT],
  CKR_SESSION_READ_ONLY: [0x0b5, READ_ONLY_SESSION],
  CKR_SESSION_EXISTS: [0x0b6, DEFECT],
  CKR_SESSION_READ_ONLY_EXISTS: [0x0b7, DEFECT],
  CKR_SESSION_READ_WRITE_SO_EXISTS: [0x0b8, DEFECT],
  CKR_SIGNATURE_INVALID: [0x0c0, RESULT],
  CKR_SIGNATURE_LEN_RANGE: [0x0c1, RESULT],
  CKR_TEMPLATE_INCOMPLETE: [0x0d0, DEFECT],
  CKR_TEMPLATE_INCONSISTENT: [0x0d1, DEFECT],
  CKR_TOKEN_NOT_PRESENT: [0x0e0, TOKEN],
  CKR_TOKEN_NOT_RECOGNIZED: [0x0e1, TOKEN],
  CKR_TOKEN_WRITE_PROTECTED: [0x0e2, READ_ONLY_TOKEN],
  CKR_UNWRAPPING_KEY_HANDLE_INVALID: [0x0f0, HANDLE],
  CKR_UNWRAPPING_KEY_SIZE_RANGE: [0x0f1, CAPABILITY],
  CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT: [0x0f2, CAPABILITY],
  CKR_USER_ALREADY_LOGGED_IN: [0x100, OK],
  CKR_USER_NOT_LOGGED_IN: [0x101, HOST],
  CKR_USER_PIN_NOT_INITIALIZED: [0x102, PIN],
  CKR_USER_TYPE_INVALID: [0x103, DEFECT],
  CKR_USER_ANOTHER_ALREADY_LOGGED_IN: [0x104, FOREIGN_USER],
  CKR_USER_TOO_MANY_TYPES: [0x105, FOREIGN_USER],
  CKR_WRAPPED_KEY_INVALID: [0x110, UNDECIPHERABLE],
  CKR_WRAPPED_KEY_LEN_RANGE: [0x112, UNDECIPHERABLE],
  CKR_WRAPPING_KEY_HANDLE_INVALID: [0x113, HANDLE],
  CKR_WRAPPING_KEY_SIZE_RANGE: [0x114, CAPABILITY],
  CKR_WRAPPING_KEY_TYPE_INCONSISTENT: [0x115, CAPABILITY],
  CKR_RANDOM_SEED_NOT_SUPPORTED: [0x120, NO_RANDOM],
  CKR_RANDOM_NO_RNG: [0x121, NO_RANDOM],
  CKR_DOMAIN_PARAMS_INVALID: [0x130, CAPABILITY],
  CKR_CURVE_NOT_SUPPORTED: [0x140, CAPABILITY],
  CKR_BUFFER_TOO_SMALL: [0x150, BUFFER],
  CKR_SAVED_STATE_INVALID: [0x160, UNSAVEABLE],
  CKR_INFORMATION_SENSITIVE: [0x170, POLICY],
  CKR_STATE_UNSAVEABLE: [0x180, UNSAVEABLE],
  CKR_CRYPTOKI_NOT_INITIALIZED: [0x190, HOST],
  CKR_CRYPTOKI_ALREADY_INITIALIZED: [0x191, OK],
  CKR_MUTEX_BAD: [0x1a0, HOST],
  CKR_MUTEX_NOT_LOCKED: [0x1a1, HOST],
  CKR_NEW_PIN_MODE: [0x1b0, PIN],
  CKR_NEXT_OTP: [0x1b1, PIN],
  CKR_EXCEEDED_MAX_ITERATIONS: [0x1b5, DEFECT],
  CKR_FIPS_SELF_TEST_FAILED: [0x1b6, SELF_TEST],
  CKR_LIBRARY_LOAD_FAILED: [0x1b7, FATAL],
  CKR_PIN_TOO_WEAK: [0x1b8, PIN],
  CKR_PUBLIC_KEY_INVALID: [0x1b9, BAD_INPUT],
  CKR_FUNCTION_REJECTED: [0x200, REFUSED],
  CKR_TOKEN_RESOURCE_EXCEEDED: [0x201, RESOURCE],
  CKR_OPERATION_CANCEL_FAILED: [0x202, SESSION],
  CKR_KEY_EXHAUSTED: [0x203, POLICY],
  CKR_VENDOR_DEFINED: [0x80000000, SICK],
} as const satisfies Record<string, readonly [number, Reaction]>;

export type ReturnValueName = keyof typeof ROWS;

/** CKR_* by name. */
export const RETURN_VALUE = Object.fromEntries(
  Object.entries(ROWS).map(([name, [number]]) => [name, number]),
) as Readonly<Record<ReturnValueName, number>>;

const BY_NUMBER = new Map<number, { readonly name: string; readonly reaction: Reaction }>(
  Object.entries(ROWS).map(([name, [number, reaction]]) => [number, { name, reaction }]),
);

type Overrides = ReadonlyMap<number, Reaction>;

function overrides(rows: Partial<Record<ReturnValueName, Reaction>>): Overrides {
  return new Map(Object.entries(rows).map(([name, reaction]) => [RETURN_VALUE[name as ReturnValueName], reaction]));
}

/**
 * A ciphertext or wrapped key from a caller. All of these are one answer to the caller, so that a padding or tag is not told apart
 * from a length. SoftHSM 2.6.1 gives CKR_GENERAL_ERROR for any of them, and CKR_ARGUMENTS_BAD for an empty one.
 */
const DECIPHERING = {
  CKR_GENERAL_ERROR: UNDECIPHERABLE,
  CKR_ARGUMENTS_BAD: UNDECIPHERABLE,
  CKR_DATA_INVALID: UNDECIPHERABLE,
  CKR_DATA_LEN_RANGE: UNDECIPHERABLE,
  CKR_DEVICE_ERROR: UNKNOWN_STATE_OR_INPUT,
  CKR_VENDOR_DEFINED: UNKNOWN_STATE_OR_INPUT,
} satisfies Partial<Record<ReturnValueName, Reaction>>;

/** A key that does not decode: SoftHSM 2.6.1 says CKR_FUNCTION_FAILED when the PKCS#8 inside is of another type than the template. */
const UNWRAPPING = {
  ...DECIPHERING,
  CKR_FUNCTION_FAILED: UNDECIPHERABLE,
  CKR_ATTRIBUTE_VALUE_INVALID: UNDECIPHERABLE,
  CKR_TEMPLATE_INCONSISTENT: UNDECIPHERABLE,
  CKR_KEY_SIZE_RANGE: UNDECIPHERABLE,
} satisfies Partial<Record<ReturnValueName, Reaction>>;

/** A signature from a caller may be any bytes; tokens that choke on one must not be thought sick. */
const VERIFYING = {
  CKR_ARGUMENTS_BAD: BAD_INPUT,
  CKR_ENCRYPTED_DATA_INVALID: RESULT,
  CKR_ENCRYPTED_DATA_LEN_RANGE: RESULT,
  CKR_GENERAL_ERROR: UNKNOWN_STATE_OR_INPUT,
  CKR_DEVICE_ERROR: UNKNOWN_STATE_OR_INPUT,
  CKR_VENDOR_DEFINED: UNKNOWN_STATE_OR_INPUT,
} satisfies Partial<Record<ReturnValueName, Reaction>>;

/** Key values from a caller: of no known curve, no valid size, parts that do not belong together. */
const CREATING = {
  CKR_ARGUMENTS_BAD: BAD_INPUT,
  CKR_ATTRIBUTE_VALUE_INVALID: BAD_INPUT,
  CKR_TEMPLATE_INCONSISTENT: BAD_INPUT,
  CKR_KEY_SIZE_RANGE: BAD_INPUT,
  CKR_DOMAIN_PARAMS_INVALID: BAD_INPUT,
  CKR_GENERAL_ERROR: UNKNOWN_STATE_OR_INPUT,
  CKR_DEVICE_ERROR: UNKNOWN_STATE_OR_INPUT,
  CKR_VENDOR_DEFINED: UNKNOWN_STATE_OR_INPUT,
} satisfies Partial<Record<ReturnValueName, Reaction>>;

/** An empty message or plaintext reaches some tokens as a null pointer, which SoftHSM calls a bad argument. */
const ENCIPHERING = { CKR_ARGUMENTS_BAD: BAD_INPUT } satisfies Partial<Record<ReturnValueName, Reaction>>;

const BY_CALLERS_OPERATION: ReadonlyMap<RingOperation, Overrides> = new Map([
  [RING_OPERATION.sign, overrides(ENCIPHERING)],
  [RING_OPERATION.encrypt, overrides(ENCIPHERING)],
  [RING_OPERATION.oaepEncrypt, overrides(ENCIPHERING)],
  [RING_OPERATION.digest, overrides(ENCIPHERING)],
  [RING_OPERATION.verify, overrides(VERIFYING)],
  [RING_OPERATION.decrypt, overrides(DECIPHERING)],
  [RING_OPERATION.oaepDecrypt, overrides(DECIPHERING)],
  [RING_OPERATION.unwrap, overrides(UNWRAPPING)],
  [RING_OPERATION.unwrapBytes, overrides(UNWRAPPING)],
  [RING_OPERATION.create, overrides(CREATING)],
  [RING_OPERATION.wrapBytes, overrides({ ...CREATING, CKR_KEY_NOT_WRAPPABLE: BAD_INPUT })],
]);

/** With the engine's own input the wrapping key is the pool's KEK: a handle that is void there means that the host's objects are gone. */
const BY_ENGINES_OPERATION: ReadonlyMap<RingOperation, Overrides> = new Map([
  [RING_OPERATION.wrap, overrides({ CKR_WRAPPING_KEY_HANDLE_INVALID: HOST })],
  [RING_OPERATION.unwrap, overrides({ CKR_UNWRAPPING_KEY_HANDLE_INVALID: HOST })],
]);

/**
 * The one place that says what a return value means. It depends on the operation and on whose bytes went in, because a return value
 * that a caller can provoke must never count against the token.
 */
export function reactionTo(operation: RingOperation, input: 'caller' | 'engine', returnValue: number): Reaction {
  if (returnValue === 0) return OK;
  const known = BY_NUMBER.has(returnValue) ? returnValue : RETURN_VALUE.CKR_VENDOR_DEFINED;
  const special = (input === 'caller' ? BY_CALLERS_OPERATION : BY_ENGINES_OPERATION).get(operation)?.get(known);
  return special ?? BY_NUMBER.get(known)?.reaction ?? SICK;
}

/** `CKR_…` for what the standard names; the number in hexadecimal, as vendors document theirs, for anything else. */
export function returnValueName(returnValue: number): string {
  return BY_NUMBER.get(returnValue)?.name ?? `0x${(returnValue >>> 0).toString(16).padStart(8, '0')}`;
}

/** What a Cryptoki function said, for the log and for `cause`; it never leaves the process. */
export class CryptokiFailure extends Error {
  override readonly name = 'CryptokiFailure';
  readonly functionName: string;
  readonly returnValue: number;

  constructor(functionName: string, returnValue: number) {
    super(`${functionName} returned ${returnValueName(returnValue)}`);
    this.functionName = functionName;
    this.returnValue = returnValue;
  }
}

/** `C_SignInit returned CKR_KEY_HANDLE_INVALID`. */
export function cryptokiFailure(functionName: string, returnValue: number): CryptokiFailure {
  return new CryptokiFailure(functionName, returnValue);
}
