import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ConnectionOrigin } from '../access/connection_origin.ts';
import type { NetworkVerdict } from '../access/firewall.ts';
import type { KeyReference } from '../engine/requests.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import { AuditNotes } from './audit_notes.ts';
import { originOf } from './connection_origins.ts';
import type { Host } from './hosts.ts';
import { newRequestId } from './request_id.ts';
import type { Route } from './route.ts';

/** What the router read from the URL. */
export interface Target {
  /** Absent when no path of ours was asked for. */
  readonly route: Route | undefined;
  /** The methods that the path has, when it has not the one that was asked for. */
  readonly allowedMethods: readonly string[] | undefined;
  readonly parameters: {
    readonly name?: string;
    readonly version?: string;
    readonly setting?: string;
    readonly id?: string;
    readonly jobId?: string;
    readonly token?: string;
  };
  readonly query: Readonly<Record<string, unknown>>;
}

/** One request and what the steps of the pipeline find out about it, each for those behind it. */
export class Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly target: Target;
  readonly host: Host;
  readonly origin: ConnectionOrigin;
  readonly requestId: string = newRequestId();
  readonly audit = new AuditNotes();
  readonly #arrivedMs: number = performance.now();

  /** Set by the challenge. */
  accessToken: string | undefined = undefined;
  /** Set by firewall. */
  network: NetworkVerdict | undefined = undefined;
  /** Set by authenticate. */
  principal: SecurityPrincipal | undefined = undefined;
  /** Set by refuseDuringRestore: the epoch in which it was let in. */
  epoch = 0;
  /** Set by parseBody: as the route's shape has it. */
  body: unknown = undefined;
  /** Set by perform: the JSON that answers, or nothing. */
  answer = '';
  /** Set by handlers whose answer has headers of its own: names and values in turn. */
  answerHeaders: readonly string[] = [];

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, target: Target, host: Host) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.target = target;
    this.host = host;
    this.origin = originOf(incoming.socket);
  }

  get latencyMs(): number {
    return performance.now() - this.#arrivedMs;
  }

  get authority(): string {
    return this.host.authority;
  }

  /** The key that the URL names. */
  get key(): KeyReference {
    const { name = '', version } = this.target.parameters;
    return { name, version };
  }

  /** The route, behind the step that refuses requests without one. */
  get route(): Route {
    const { route } = this.target;
    if (route === undefined) throw new TypeError('No route has been matched.');
    return route;
  }
}
