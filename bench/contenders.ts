import type { ContenderSetup } from './contenders/contender.ts';
import type { OperationId } from './operations.ts';

/** One row per contender: which program, over which kind of key object, and where in the table it stands. */
export interface ContenderRow {
  readonly id: string;
  readonly title: string;
  readonly program: 'raw' | 'engine' | 'ring' | 'pkcs11js_sync' | 'pkcs11js_async' | 'graphene_async';
  readonly objects: ContenderSetup['objects'];
  readonly visibility?: ContenderSetup['visibility'];
  /** Raw C: processes and threads in each. */
  readonly processes?: number;
  readonly threads?: number;
  /** Engine and ring: hosts and what they are. */
  readonly hosts?: number;
  readonly isolation?: ContenderSetup['isolation'];
  readonly profile?: ContenderSetup['profile'];
  /** The engine's policy for ECDSA signatures; its own choice unless named. */
  readonly signatureChecks?: ContenderSetup['signatureChecks'];
  /** Operations in flight at which it is measured. */
  readonly inFlight: readonly number[];
  /** All of them unless named. */
  readonly operations?: readonly OperationId[];
}

const KEYED: readonly OperationId[] = ['rsa-2048', 'p-256', 'aes-256-gcm', 'hmac-sha256'];
const CHEAP: readonly OperationId[] = ['p-256', 'aes-256-gcm', 'hmac-sha256'];

/** The sides of a goal stand next to each other, because the machine changes while a round goes through them. */
export const CONTENDERS: readonly ContenderRow[] = [
  {
    id: 'raw-2x1',
    title: 'raw C, 2 processes × 1 thread',
    program: 'raw',
    objects: 'session',
    processes: 2,
    threads: 1,
    inFlight: [64, 8],
  },
  {
    id: 'engine-process-2',
    title: 'engine, 2 host processes',
    program: 'engine',
    objects: 'session',
    hosts: 2,
    isolation: 'process',
    inFlight: [64, 8, 1],
  },
  {
    id: 'engine-thread-2',
    title: 'engine, 2 thread hosts',
    program: 'engine',
    objects: 'session',
    hosts: 2,
    isolation: 'thread',
    inFlight: [64],
  },
  {
    id: 'engine-thread-1',
    title: 'engine, 1 thread host',
    program: 'engine',
    objects: 'session',
    hosts: 1,
    isolation: 'thread',
    inFlight: [64, 1],
  },
  {
    id: 'raw-1x1',
    title: 'raw C, 1 thread',
    program: 'raw',
    objects: 'session',
    processes: 1,
    threads: 1,
    inFlight: [64, 1],
  },
  {
    id: 'ring-process-2',
    title: 'bare ring, 2 host processes',
    program: 'ring',
    objects: 'session',
    hosts: 2,
    isolation: 'process',
    inFlight: [64, 8, 1],
  },
  {
    id: 'pkcs11js-async-token',
    title: 'pkcs11js async, token objects',
    program: 'pkcs11js_async',
    objects: 'token',
    inFlight: [64],
    operations: KEYED,
  },
  {
    id: 'graphene-async-token',
    title: 'graphene, token objects',
    program: 'graphene_async',
    objects: 'token',
    inFlight: [64],
    operations: KEYED,
  },
  {
    id: 'pkcs11js-async',
    title: 'pkcs11js async',
    program: 'pkcs11js_async',
    objects: 'session',
    inFlight: [64, 8, 1],
    operations: KEYED,
  },
  {
    id: 'graphene-async',
    title: 'graphene',
    program: 'graphene_async',
    objects: 'session',
    inFlight: [64, 1],
    operations: KEYED,
  },
  {
    id: 'pkcs11js-sync',
    title: 'pkcs11js sync (blocks the event loop)',
    program: 'pkcs11js_sync',
    objects: 'session',
    inFlight: [64, 1],
  },
  {
    id: 'pkcs11js-sync-token',
    title: 'pkcs11js sync, token objects',
    program: 'pkcs11js_sync',
    objects: 'token',
    inFlight: [64],
    operations: KEYED,
  },
  {
    id: 'raw-2x1-token',
    title: 'raw C, 2 processes × 1 thread, token objects',
    program: 'raw',
    objects: 'token',
    processes: 2,
    threads: 1,
    inFlight: [64],
    operations: KEYED,
  },
  {
    id: 'raw-1x2',
    title: 'raw C, 1 process × 2 threads',
    program: 'raw',
    objects: 'session',
    processes: 1,
    threads: 2,
    inFlight: [64],
  },
  {
    id: 'raw-2x1-public',
    title: 'raw C, 2 processes × 1 thread, CKA_PRIVATE=false',
    program: 'raw',
    objects: 'session',
    visibility: 'public',
    processes: 2,
    threads: 1,
    inFlight: [64],
    operations: CHEAP,
  },
  {
    id: 'engine-process-2-public',
    title: 'engine, 2 host processes, CKA_PRIVATE=false',
    program: 'engine',
    objects: 'session',
    visibility: 'public',
    hosts: 2,
    isolation: 'process',
    inFlight: [64],
    operations: CHEAP,
  },
  {
    id: 'engine-process-2-unverified',
    title: 'engine, 2 host processes, no ECDSA signature verified',
    program: 'engine',
    objects: 'session',
    signatureChecks: 'off',
    hosts: 2,
    isolation: 'process',
    inFlight: [64],
    operations: ['p-256'],
  },
  {
    id: 'engine-process-2-verified',
    title: 'engine, 2 host processes, every ECDSA signature verified',
    program: 'engine',
    objects: 'session',
    signatureChecks: 'always',
    hosts: 2,
    isolation: 'process',
    inFlight: [64],
    operations: ['p-256'],
  },
];

export function findContender(id: string): ContenderRow {
  const row = CONTENDERS.find((contender) => contender.id === id);
  if (row === undefined)
    throw new TypeError(`Expected a contender of bench/contenders.ts, received ${JSON.stringify(id)}`);
  return row;
}
