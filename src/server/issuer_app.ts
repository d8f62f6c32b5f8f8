import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { EmbeddedIssuer } from '../identity/embedded/embedded_issuer.ts';
import { EntraError } from '../identity/embedded/entra_error.ts';
import type { ReceivedTokenRequest } from '../identity/embedded/token_request.ts';
import { ERROR_CATALOGUE, StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { AuditService } from './audit_service.ts';
import { type DirectoryService, serveGraph } from './graph/serve_graph.ts';
import { callerAddress, formOf, issuerOrigin, tenantOf } from './issuer_request.ts';
import { noticePage } from './pages/notice_page.ts';
import { sendPage, sendRefusal } from './pages/send_page.ts';
import { serveAuthorizePages } from './pages/serve_authorize_pages.ts';
import { serveDevicePages } from './pages/serve_device_pages.ts';

import { recordTokenRequest } from './record_token_request.ts';

const FORM = 'application/x-www-form-urlencoded';
const METADATA_PATHS = [
  ['/:tenant/v2.0/.well-known/openid-configuration', 'v2'],
  ['/:tenant/.well-known/openid-configuration', 'v1'],
] as const;
const TOKEN_PATHS = [
  ['/:tenant/oauth2/v2.0/token', 'v2'],
  ['/:tenant/oauth2/token', 'v1'],
] as const;

export interface IssuerAppParts {
  /** Name of the HSM that access tokens are for. */
  readonly hsm: string;
  readonly directory: DirectoryService | undefined;
  readonly audit: AuditService;
  readonly log: Logger;
}

/** The built-in issuer over HTTP, at the host that is its own (Azure API §4.5; the `adfs` forms of the same paths come by the tenant's alias). */
export function buildIssuerApp(
  issuer: EmbeddedIssuer,
  { hsm, directory, audit, log }: IssuerAppParts,
): FastifyInstance {
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

  for (const [path, version] of METADATA_PATHS) {
    app.get(path, async (request) => issuer.openidConfiguration(issuerOrigin(request), tenantOf(request), version));
  }
  for (const path of ['/:tenant/discovery/v2.0/keys', '/:tenant/discovery/keys']) {
    app.get(path, async () => issuer.keySet);
  }
  // The Azure CLI asks its resource manager for them with every sign-in, and goes on without any (`--allow-no-subscriptions`).
  for (const path of ['/tenants', '/subscriptions']) app.get(path, async () => ({ value: [] }));
  app.get('/common/discovery/instance', async (request) => issuer.instanceDiscovery(issuerOrigin(request)));
  for (const [path, version] of TOKEN_PATHS) {
    app.post(path, async (request) =>
      recordTokenRequest(audit, request, () => issuer.token(received(request, version))),
    );
  }
  app.post('/:tenant/oauth2/v2.0/devicecode', async (request) =>
    issuer.deviceCode(received(request, 'v2'), callerAddress(request)),
  );
  app.register((pages, _options, done) => {
    pages.setErrorHandler((error, _request, reply) => refuseOnPage(error, reply, log));
    const parts = { signIns: issuer.signIns, hsm, audit };
    serveAuthorizePages(pages, parts);
    serveDevicePages(pages, parts);
    done();
  });
  if (directory !== undefined) {
    app.register((graph, _options, done) => {
      serveGraph(graph, { ...directory, audit, log });
      done();
    });
  }
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not_found' }));
  app.setErrorHandler((error, request, reply) => refuse(error, request, reply, log));
  return app;
}

function received(request: FastifyRequest, version: ReceivedTokenRequest['version']): ReceivedTokenRequest {
  return {
    origin: issuerOrigin(request),
    tenant: tenantOf(request),
    version,
    form: formOf(request),
    authorization: request.headers.authorization,
  };
}

function refuseOnPage(thrown: unknown, reply: FastifyReply, log: Logger): FastifyReply {
  if (thrown instanceof EntraError) return sendRefusal(reply, thrown);
  const statusCode = (thrown as { statusCode?: number }).statusCode ?? 500;
  if (statusCode < 500) return sendRefusal(reply, new EntraError('requestMalformed', 'The request is malformed.'));
  log.error({ err: thrown }, 'a page could not be made');
  const status = thrown instanceof StrongroomError ? ERROR_CATALOGUE[thrown.code].status : 500;
  return sendPage(
    reply,
    noticePage(status, 'This does not work', 'The request could not be completed. Try again later.'),
  );
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
