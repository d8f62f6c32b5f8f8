import type { LaneReport } from '../../src/pool/lane_tuner.ts';
import type { TokenProfileName } from '../../src/pool/token_profile.ts';
import type { OperationId } from '../operations.ts';

/** What every contender is opened with. The PIN comes over standard input, never as an argument. */
export interface ContenderSetup {
  readonly module: string;
  readonly tokenSerial: string;
  readonly pin: string;
  /** A directory of the contender's own, for a store or other state. */
  readonly directory: string;
  readonly objects: 'session' | 'token';
  /** CKA_PRIVATE of the keys. */
  readonly visibility: 'private' | 'public';
  /** Which ECDSA signatures the engine verifies. */
  readonly signatureChecks?: 'always' | 'sampled' | 'off' | undefined;
  /** Instances of the module, where the contender can have several. */
  readonly hosts: number;
  readonly isolation: 'process' | 'thread';
  /** Of the engine's pool; the one that the token asks for unless named. */
  readonly profile?: TokenProfileName | undefined;
}

/** One operation; concurrent callers have different slots, so that a contender may keep a session and buffers per slot. */
export type Perform = (slot: number) => Promise<unknown>;
export type PerformSync = () => void;

/** A library under test, in a process of its own. Keys are made in `open`; `perform` gives the loop body of an operation. */
export type Contender<Setup = ContenderSetup> = AsyncContender<Setup> | SyncContender<Setup>;

export interface AsyncContender<Setup = ContenderSetup> {
  readonly style: 'async';
  /** Slots that may be used at once. */
  readonly slots: number;
  open(setup: Setup): Promise<unknown>;
  perform(operation: OperationId): Perform;
  /** Where the contender finds by itself how many it needs. */
  lanes?(): LaneReport;
  close(): Promise<void>;
}

export interface SyncContender<Setup = ContenderSetup> {
  readonly style: 'sync';
  open(setup: Setup): Promise<unknown>;
  perform(operation: OperationId): PerformSync;
  close(): Promise<void>;
}
