import type { OperationId } from './operations.ts';

/** A ratio of throughputs within one set, or a figure that another part of the bench measures under that name. */
export type GoalFigure =
  | {
      readonly kind: 'throughput';
      readonly operation: OperationId;
      readonly inFlight: number;
      readonly numerator: string;
      /** Where there are several, the best of each round. */
      readonly denominators: readonly string[];
    }
  | { readonly kind: 'measured'; readonly figure: FigureName };

/** Figures of the other parts of the bench. */
export const FIGURES = {
  'latency/p99-ratio/rsa-2048': 'p99 at half of pkcs11js async’s capacity, engine ÷ pkcs11js async, RSA-2048',
  'latency/p99-ratio/p-256': 'p99 at half of pkcs11js async’s capacity, engine ÷ pkcs11js async, P-256',
  'latency/p99-ratio/aes-256-gcm':
    'p99 at half of pkcs11js async’s capacity, engine ÷ pkcs11js async, AES-256-GCM 64 B',
  'event-loop/p-256': 'event-loop delay p99 while the engine is saturated, P-256 (ms)',
  'event-loop/aes-256-gcm': 'event-loop delay p99 while the engine is saturated, AES-256-GCM 64 B (ms)',
  'many-keys/create': 'create with 100,000 keys stored ÷ with 100',
  'many-keys/first-use': 'first use with 100,000 keys stored ÷ with 100',
  'memory/server-idle': 'server idle (MB)',
  'memory/host-1000-keys': 'a host with 1,000 keys in its cache (MB)',
  'memory/many-keys': 'server with 100,000 keys stored ÷ with 100',
  'authentication/cached': 'authentication with a token that was verified before (µs)',
  'authorization/decision': 'a decision with 60 assignments and 20 groups, CPU (µs)',
  'pipeline/cpu': 'the pipeline without the HSM, CPU per request (µs)',
  'api/get': 'HTTPS get a key, 64 connections (per second)',
  'api/create': 'HTTPS create a P-256 key, 64 connections (per second)',
  'api/engine-create': 'engine create a P-256 key, 64 in flight (per second)',
  'api/batch': 'HTTPS sign ES256 over one connection, batches of 256 ÷ one by one',
  'api/last-page': 'list of 5,000 keys in pages of 25, the last ten pages ÷ the first ten',
  'api/start': 'server with 100,000 keys, start to ready (ms)',
  'network/share': 'HMAC over a network, 1 ms a call, 16 at once: engine, tuned by itself ÷ (lanes ÷ latency)',
  'https/es256': 'HTTPS sign ES256, 64 connections ÷ null handler on the same server',
  'audit/written': 'HTTPS sign ES256 with records written ÷ without records',
  'audit/synced': 'HTTPS sign ES256 with records synced ÷ without records',
} as const satisfies Record<string, string>;

export type FigureName = keyof typeof FIGURES;

export interface Goal {
  readonly title: string;
  readonly figure: GoalFigure;
  readonly comparison: '≥' | '≤';
  readonly threshold: number;
}

const ENGINE = 'engine-process-2';

function throughput(
  title: string,
  operation: OperationId,
  inFlight: number,
  [numerator, ...denominators]: readonly [string, ...string[]],
  threshold: number,
): Goal {
  const figure = { kind: 'throughput', operation, inFlight, numerator, denominators } as const;
  return { title, figure, comparison: '≥', threshold };
}

function measured(figure: FigureName, comparison: Goal['comparison'], threshold: number): Goal {
  return { title: FIGURES[figure], figure: { kind: 'measured', figure }, comparison, threshold };
}

const toRaw = (operation: OperationId, inFlight: number, threshold: number): Goal =>
  throughput('engine, 2 host processes ÷ raw C, 2 processes', operation, inFlight, [ENGINE, 'raw-2x1'], threshold);

const toLibraries = (operation: OperationId, threshold: number): Goal =>
  throughput(
    'engine, 2 host processes ÷ best of pkcs11js async and graphene with token objects',
    operation,
    64,
    [ENGINE, 'pkcs11js-async-token', 'graphene-async-token'],
    threshold,
  );

const oneThread = (operation: OperationId, threshold: number): Goal =>
  throughput('engine, 1 thread host ÷ raw C, 1 thread', operation, 64, ['engine-thread-1', 'raw-1x1'], threshold);

/** What the bench is held to, on two cores with SoftHSM; each figure is the median of a ratio within one run. */
export const GOALS: readonly Goal[] = [
  toRaw('rsa-2048', 64, 0.97),
  toRaw('p-256', 64, 0.95),
  toRaw('aes-256-gcm', 64, 0.75),
  toRaw('hmac-sha256', 64, 0.75),
  toRaw('p-256', 8, 0.75),
  toRaw('aes-256-gcm', 8, 0.45),
  oneThread('aes-256-gcm', 0.92),
  oneThread('p-256', 0.97),
  throughput('engine, 2 host processes ÷ 2 thread hosts', 'aes-256-gcm', 64, [ENGINE, 'engine-thread-2'], 0.98),
  toLibraries('p-256', 6),
  toLibraries('aes-256-gcm', 15),
  toLibraries('hmac-sha256', 14),
  measured('latency/p99-ratio/rsa-2048', '≤', 0.5),
  measured('latency/p99-ratio/p-256', '≤', 0.5),
  measured('latency/p99-ratio/aes-256-gcm', '≤', 0.5),
  measured('event-loop/p-256', '≤', 5),
  measured('event-loop/aes-256-gcm', '≤', 5),
  {
    title: 'one request at a time, latency, engine ÷ pkcs11js async: the inverse ratio of throughputs',
    figure: {
      kind: 'throughput',
      operation: 'aes-256-gcm',
      inFlight: 1,
      numerator: 'pkcs11js-async',
      denominators: [ENGINE],
    },
    comparison: '≤',
    threshold: 0.6,
  },
  measured('many-keys/create', '≤', 1.3),
  measured('many-keys/first-use', '≤', 1.3),
  measured('memory/server-idle', '≤', 130),
  measured('memory/host-1000-keys', '≤', 40),
  measured('memory/many-keys', '≤', 1.2),
  measured('network/share', '≥', 0.95),
  measured('https/es256', '≥', 0.6),
  measured('api/get', '≥', 1_100),
  measured('api/create', '≥', 100),
  measured('api/engine-create', '≥', 100),
  measured('api/batch', '≥', 5),
  measured('api/last-page', '≤', 1.5),
  measured('api/start', '≤', 2_000),
  measured('audit/written', '≥', 0.9),
  measured('authentication/cached', '≤', 20),
  measured('authorization/decision', '≤', 5),
  measured('pipeline/cpu', '≤', 150),
];
