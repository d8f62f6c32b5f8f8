import type { Static, TSchema } from 'typebox';
import type { KeyReference } from '../engine/requests.ts';
import { LIMITS } from '../model/limits.ts';
import type { DataAction } from '../model/role.ts';
import type { Exchange } from './exchange.ts';
import type { KeyService } from './key_service.ts';
import type { Parts } from './pipeline.ts';
import type { Shape } from './wire/shape.ts';

/** What a handler is given beside the body. */
export interface Call {
  readonly engine: KeyService;
  readonly key: KeyReference;
  /** Host and port as the caller reached us: what key identifiers begin with. */
  readonly authority: string;
  /** Everything else about the request, and about the server, for the few that need it. */
  readonly exchange: Exchange;
  readonly parts: Parts;
}

export interface RouteRow<T extends TSchema> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With and without a version where both are served. `:name` and `:version` are what handlers read. */
  readonly paths: readonly string[];
  readonly operation: string;
  /** Of several, one lets the request in; the handler then asks for what each of its parts needs. */
  readonly dataAction: DataAction | readonly DataAction[];
  /** What the data action must be held for: the key in the path, all keys, or the whole pool. */
  readonly scope: 'key' | 'keys' | 'pool';
  readonly body: Shape<T> | undefined;
  /** The largest body; the house's maximum unless named. */
  readonly bodyBytes?: number;
  /** 200 unless named. A 204 has no body: its handler gives an empty text. */
  readonly status?: 200 | 201 | 202 | 204;
  /** Something of it stays, or leaves the pool: so it is on record before it is begun. All but GETs, unless the row says otherwise. */
  readonly changes?: boolean;
  /** Served also while the pool is not active. */
  readonly isBeforeActivation?: boolean;
  /** Served also while a restore is about to replace everything. */
  readonly isDuringRestore?: boolean;
  /** Asked for again and again at the address that an answer has named, which clients take as it is: without an API version. */
  readonly isPolled?: boolean;
  /** The last part of the path may also be the name of a key: methods that this row has not are that key's. */
  readonly isAlsoKey?: boolean;
  /** Gives the answer as JSON. */
  readonly handler: (call: Call, body: Static<T>) => Promise<string>;
}

export interface Route extends Required<Omit<RouteRow<TSchema>, 'handler'>> {
  readonly handler: (call: Call, body: unknown) => Promise<string>;
}

/** The body has passed the row's own shape when it reaches the row's handler: that is what makes the cast true. */
export function route<T extends TSchema>(row: RouteRow<T>): Route {
  return {
    bodyBytes: LIMITS.requestBodyBytes,
    status: 200,
    changes: row.method !== 'GET',
    isAlsoKey: false,
    isBeforeActivation: false,
    isDuringRestore: false,
    isPolled: false,
    ...row,
  } as unknown as Route;
}

/** What is done with one version of a key, or with its newest. */
export function keyOperation<T extends TSchema>(
  word: string,
  row: Pick<RouteRow<T>, 'operation' | 'dataAction' | 'body' | 'handler'>,
): Route {
  return route({
    ...row,
    method: 'POST',
    paths: [`/keys/:name/${word}`, `/keys/:name/:version/${word}`],
    scope: 'key',
    changes: false,
  });
}
