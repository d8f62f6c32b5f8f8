import { measureApi } from './api.ts';
import { measureAudit } from './audit.ts';
import { measureAuthentication } from './authentication.ts';
import { measureAuthorization } from './authorization.ts';
import { measureHttps } from './https.ts';
import { measureLatency } from './latency.ts';
import { measureManyKeys } from './many_keys.ts';
import { measureMemory } from './memory.ts';
import { measureNetwork } from './network.ts';
import { measurePipeline } from './pipeline.ts';
import type { PartOutcome } from './results.ts';
import type { ScratchToken } from './scratch_token.ts';
import type { Selection } from './selection.ts';
import { measureThroughput } from './throughput_table.ts';

type Measure = (selection: Selection, token: ScratchToken) => Promise<PartOutcome>;

/**
 * The parts of the bench by the words that run them, in the order in which they run. Another part is a row here; what it is held to are
 * rows of goals.ts. Each gets a token of its own, on which nothing else works meanwhile.
 */
export const PARTS = {
  table: measureThroughput,
  latency: measureLatency,
  network: measureNetwork,
  https: measureHttps,
  api: measureApi,
  audit: measureAudit,
  keys: measureManyKeys,
  memory: measureMemory,
  authentication: measureAuthentication,
  authorization: measureAuthorization,
  pipeline: measurePipeline,
} as const satisfies Readonly<Record<string, Measure>>;

export type Part = keyof typeof PARTS;

export const PART_NAMES = Object.keys(PARTS) as readonly Part[];
