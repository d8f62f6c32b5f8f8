import type { Realisation } from '../model/algorithm.ts';
import type { ParameterKind, RingOperation } from '../pkcs11/binding.ts';
import type { MechanismSupport } from './token_answers.ts';
import type { TokenProfile } from './token_profile.ts';

/** One request to a lane, as the ring takes it (see pkcs11/binding.ts). Handles belong to the host that gave them. */
export interface RingRequest {
  operation: RingOperation;
  mechanism: number;
  parameterKind: ParameterKind;
  object: number;
  object2: number;
  parameter: Uint8Array | undefined;
  input: Uint8Array | undefined;
  input2: Uint8Array | undefined;
  /** Attribute lists as pkcs11/template.ts encodes them. */
  template: Uint8Array | undefined;
  template2: Uint8Array | undefined;
  capacity: number;
  timeoutMs: number;
}

/** What came back. `answer` is the receiver's own copy. */
export interface Completion {
  readonly outcome: number;
  readonly function: number;
  readonly returnValue: number;
  readonly answer: Uint8Array;
  readonly answerLength: number;
  readonly serviceTimeUs: number;
}

/** As a token describes itself. */
export interface TokenDescription {
  readonly label: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
}

/** What is to be known of a token by whoever has work done in one of its hosts. */
export interface HostToken {
  /** What the pool calls it. */
  readonly name: string;
  readonly serial: string;
  readonly description: TokenDescription;
  readonly profile: TokenProfile;
  /** By CKM_*. */
  readonly mechanisms: ReadonlyMap<number, MechanismSupport>;
  /** All ways of doing an algorithm that its mechanisms allow: rows of the algorithm table. */
  readonly realisations: ReadonlySet<Realisation>;
}

/**
 * One living instance of the vendor library, in a process of its own or as threads of this one. A host that dies is
 * not revived: another object takes its place, so that whatever is cached per host (object handles) dies with it.
 */
export interface HsmHost {
  readonly id: string;
  readonly token: HostToken;
  readonly lanes: number;
  /** Requests submitted and not yet completed. */
  readonly inFlight: number;
  /** How many more it takes now. */
  readonly room: number;
  /** False from the moment it is known to be dead or draining. */
  readonly alive: boolean;
  /** Something went wrong with its token of late: what it signs is verified, every time. */
  readonly distrusted: boolean;
  /** Handles of the pool keys in this instance. */
  readonly poolKeys: PoolKeyHandles;
  /** Hands a request to the ring (batched: everything submitted in one turn crosses in one call). `settle` is called once, also when the host dies. */
  submit(request: RingRequest, settle: (completion: Completion) => void): void;
}

export interface PoolKeyHandles {
  readonly kek: number;
  readonly seal: number;
  readonly auditPrivate: number;
  readonly attestationPrivate: number;
}
