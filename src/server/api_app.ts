import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type HTTPMethods } from 'fastify';
import { LIMITS } from '../model/limits.ts';
import { Exchange, type Target } from './exchange.ts';
import { addHealthRoute, type Readiness } from './health.ts';
import { type Parts, runPipeline } from './pipeline.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The row that a path and a method lead to. */
    readonly row?: Route | undefined;
    /** The methods of the path, when this is not one of them. */
    readonly allowedMethods?: readonly string[] | undefined;
    /** For everybody, without the pipeline. */
    readonly isPublic?: boolean;
  }
}

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
] as const satisfies readonly HTTPMethods[];

/**
 * The REST API as a fastify application: fastify finds the route, and at its first hook the pipeline takes over and answers. So it sees
 * every request, also those whose path leads nowhere or is malformed, before anybody has looked at a Content-Type or a body.
 */
export function buildApiApp(parts: Parts, readiness: () => Readiness): FastifyInstance {
  const take = (request: FastifyRequest, reply: FastifyReply): void => {
    reply.hijack();
    const { row, allowedMethods } = request.routeOptions.config;
    const target: Target = {
      route: row,
      allowedMethods,
      parameters: (request.params ?? {}) as Target['parameters'],
      query: (request.query ?? {}) as Target['query'],
    };
    const exchange = new Exchange(request.raw, reply.raw, target, parts.hosts.resolve(request.headers.host));
    void runPipeline(exchange, parts);
  };
  const app = fastify({
    logger: false,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: {
      caseSensitive: false,
      ignoreDuplicateSlashes: true,
      ignoreTrailingSlash: true,
      maxParamLength: LIMITS.pathCharacters,
    },
    frameworkErrors: (_error, request, reply) => take(request, reply),
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.isPublic === true) done();
    else take(request, reply);
  });
  for (const [url, rows] of rowsByPath()) {
    for (const method of METHODS) {
      const row = rows.get(method);
      if (row === undefined && isAlsoKey(rows)) continue;
      const allowedMethods = row === undefined ? [...rows.keys()] : undefined;
      app.route({ method, url, config: { row, allowedMethods }, handler: answeredBefore });
    }
  }
  addHealthRoute(app, readiness);
  return app;
}

function rowsByPath(): ReadonlyMap<string, ReadonlyMap<string, Route>> {
  const paths = new Map<string, Map<string, Route>>();
  for (const route of ROUTES) {
    for (const path of route.paths) {
      const rows = paths.get(path) ?? new Map<string, Route>();
      paths.set(path, rows.set(route.method, route));
    }
  }
  return paths;
}

/** Then the router goes on to the path of keys, with the methods that it has. */
function isAlsoKey(rows: ReadonlyMap<string, Route>): boolean {
  return [...rows.values()].some((row) => row.isAlsoKey);
}

function answeredBefore(): never {
  throw new TypeError('The pipeline answers at the first hook.');
}
