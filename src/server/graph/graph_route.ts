import type { Directory } from '../../identity/embedded/directory.ts';
import type { DirectoryChanges } from '../../identity/embedded/directory_changes.ts';
import type { DirectoryOperation } from '../../model/audit_event.ts';
import type { GRAPH_BODIES } from '../wire/graph_body.ts';

/** One request to the directory by somebody who may. */
export interface GraphCall {
  readonly directory: Directory;
  readonly changes: DirectoryChanges;
  /** That it is about: the administrator's own, unless another is named. */
  readonly tenantId: string;
  readonly id: string;
  readonly memberId: string;
  /** What `$filter` compares, where there is one. */
  readonly filter: { readonly member: string; readonly value: string } | undefined;
  /** As the route's shape has it. */
  readonly body: unknown;
}

export interface GraphRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Behind the version. */
  readonly path: string;
  readonly operation: DirectoryOperation;
  readonly body?: keyof typeof GRAPH_BODIES;
  readonly status: 200 | 201 | 204;
  readonly act: (call: GraphCall) => GraphAnswer | Promise<GraphAnswer>;
}

/** JSON, with `id` where something was made: that is what the audit log names. */
export type GraphAnswer = Readonly<Record<string, unknown>> | undefined;
