import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { EmbeddedIssuer } from '../identity/embedded/embedded_issuer.ts';
import { EntraError } from '../identity/embedded/entra_error.ts';
import { LIMITS } from '../model/limits.ts';

const FORM = 'application/x-www-form-urlencoded';
const TOKEN_PATHS = [
  ['/:tenant/oauth2/v2.0/token', 'v2'],
  ['/:tenant/oauth2/token', 'v1'],
] as const;

/** The built-in issuer over HTTP, at the host that is its own (Azure API §4.5; the `adfs` forms of the same paths come by the tenant's alias). */
export function buildIssuerApp(issuer: EmbeddedIssuer, log: Logger): FastifyInstance {
  const app = fastify({
    logger: false,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    bodyLimit: LIMITS.tokenRequestBytes,
    routerOptions: { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(FORM, { parseAs: 'string' }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );
  app.addHook('onSend', async (_request, reply) => {
    reply.headers({
      'cache-control': 'no-store, no-cache',
      pragma: 'no-cache',
      'x-content-type-options': 'nosniff',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
    });
  });

  for (const path of ['/:tenant/v2.0/.well-known/openid-configuration', '/:tenant/.well-known/openid-configuration']) {
    app.get(path, async (request) => issuer.openidConfiguration(originOf(request), tenantOf(request)));
  }
  for (const path of ['/:tenant/discovery/v2.0/keys', '/:tenant/discovery/keys']) {
    app.get(path, async () => issuer.keySet);
  }
  app.get('/common/discovery/instance', async (request) => issuer.instanceDiscovery(originOf(request)));
  for (const [path, version] of TOKEN_PATHS) {
    app.post(path, async (request) =>
      issuer.token({
        origin: originOf(request),
        tenant: tenantOf(request),
        version,
        form: request.body instanceof URLSearchParams ? request.body : new URLSearchParams(),
        authorization: request.headers.authorization,
      }),
    );
  }
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found' }));
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, log));
  return app;
}

function originOf(request: FastifyRequest): string {
  return `https://${(request.headers.host ?? '').toLowerCase()}`;
}

function tenantOf(request: FastifyRequest): string {
  return (request.params as { tenant: string }).tenant;
}

function refuse(thrown: unknown, request: FastifyRequest, reply: FastifyReply, log: Logger): FastifyReply {
  const statusCode = (thrown as { statusCode?: number }).statusCode ?? 500;
  if (!(thrown instanceof EntraError) && statusCode >= 500) {
    log.error({ err: thrown }, 'token request failed');
    return reply.code(500).send({ error: 'server_error', error_description: 'The request could not be completed.' });
  }
  const error = thrown instanceof EntraError ? thrown : new EntraError('invalidRequest', 'The request is malformed.');
  if (error.status === 429) reply.header('retry-after', '1');
  if (error.status === 401 && request.headers.authorization !== undefined)
    reply.header('www-authenticate', 'Basic realm="token"');
  return reply.code(error.status).send(error.toBody(new Date(), correlationId(request)));
}

/** What the client named to find its request again; a GUID or nothing, because it is repeated. */
function correlationId(request: FastifyRequest): string | undefined {
  const id = request.headers['client-request-id'];
  return typeof id === 'string' && /^[0-9a-fA-F-]{36}$/.test(id) ? id : undefined;
}
