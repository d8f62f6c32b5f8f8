import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Authenticator } from '../../identity/authenticator.ts';
import type { DirectorySource } from '../../identity/embedded/directory.ts';
import type { DirectoryChanges } from '../../identity/embedded/directory_changes.ts';
import type { AuditEvent } from '../../model/audit_event.ts';
import { ERROR_CATALOGUE, StrongroomError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { SecurityPrincipal } from '../../model/principal.ts';
import { parseStrictJson } from '../../model/strict_json.ts';
import type { AuditService } from '../audit_service.ts';
import { callerAddress, issuerOrigin } from '../issuer_request.ts';
import { newRequestId } from '../request_id.ts';
import { clientCertificate } from '../tls/client_certificate.ts';
import { GRAPH_BODIES } from '../wire/graph_body.ts';
import { APPLICATION_ROUTES } from './application_routes.ts';
import { graphErrorBody } from './graph_error.ts';
import type { GraphAnswer, GraphCall, GraphRoute } from './graph_route.ts';
import { GROUP_ROUTES } from './group_routes.ts';
import { PRINCIPAL_ROUTES } from './principal_routes.ts';

/** The directory as the server serves it to its administrators. */
export interface DirectoryService {
  readonly source: DirectorySource;
  readonly changes: DirectoryChanges;
  /** Knows access tokens that are for the directory, and no others. */
  readonly authenticator: Authenticator;
}

interface GraphParts extends DirectoryService {
  readonly audit: AuditService;
  readonly log: Logger;
}

const VERSION = '/v1.0';
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FILTER = /^(appId|displayName|userPrincipalName) eq '([^']{1,256})'$/;
const ROUTES: readonly GraphRoute[] = [...APPLICATION_ROUTES, ...PRINCIPAL_ROUTES, ...GROUP_ROUTES];

/** A part of Microsoft Graph (v1.0) over the directory, for those who carry the mark of its administrators. Nobody else learns what there is. */
export function serveGraph(app: FastifyInstance, parts: GraphParts): void {
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  for (const route of ROUTES) {
    app.route({
      method: route.method,
      url: `${VERSION}${route.path}`,
      handler: (request, reply) => answer(parts, route, request, reply),
    });
  }
  app.all(`${VERSION}/*`, (request, reply) => answer(parts, undefined, request, reply));
}

async function answer(
  parts: GraphParts,
  route: GraphRoute | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const requestId = newRequestId();
  const deed = new Deed(route, request, requestId);
  reply.header('request-id', requestId);
  try {
    parts.audit.admit();
    const made = await perform(parts, route, request, deed).catch(async (error: unknown) => {
      await parts.audit.record(deed.event(outcomeOf(error)));
      throw error;
    });
    await parts.audit.record(deed.event(undefined, made));
    return reply.code(route?.status ?? 200).send(made === undefined ? undefined : JSON.stringify(made));
  } catch (thrown) {
    const error = outcomeOf(thrown);
    if (error !== thrown) parts.log.error({ err: thrown, requestId }, 'a request to the directory failed');
    const { status } = ERROR_CATALOGUE[error.code];
    if (status === 401) reply.header('www-authenticate', `Bearer authorization_uri="${issuerOrigin(request)}/adfs"`);
    return reply
      .code(status)
      .type('application/json')
      .send(JSON.stringify(graphErrorBody(error, requestId, new Date())));
  }
}

async function perform(
  { source, changes, authenticator }: GraphParts,
  route: GraphRoute | undefined,
  request: FastifyRequest,
  deed: Deed,
): Promise<GraphAnswer> {
  const accessToken = Authenticator.bearerToken(request.headers.authorization);
  if (accessToken === undefined) throw new StrongroomError('Unauthorized', 'Access token is empty.');
  deed.principal = await authenticator.authenticate(accessToken, clientCertificate(request.raw.socket));
  const directory = source.current;
  if (directory.findActive(deed.principal.objectId)?.isAdministrator !== true) {
    throw new StrongroomError('AccessDenied', 'Insufficient privileges to complete the operation.');
  }
  if (route === undefined) throw new StrongroomError('NotFound', 'The directory serves no such path.');
  const { id = '', memberId = '' } = request.params as Record<string, string | undefined>;
  const { tenantId = directory.homeTenantId, $filter } = request.query as Record<string, string | undefined>;
  if (directory.findTenant(tenantId)?.id !== tenantId) {
    throw new StrongroomError('NotFound', 'There is no such tenant.');
  }
  const body = route.body === undefined ? undefined : GRAPH_BODIES[route.body].check(readJson(request.body));
  const ids = { id: id.toLowerCase(), memberId: memberId.toLowerCase() };
  const call: GraphCall = { directory, changes, tenantId, ...ids, filter: readFilter($filter), body };
  return route.act(call);
}

function readJson(body: unknown): unknown {
  return parseStrictJson(typeof body === 'string' ? body : '', 'the request body', 'something else');
}

function readFilter(text: string | undefined): GraphCall['filter'] {
  if (text === undefined) return undefined;
  const [, member, value] = FILTER.exec(text) ?? [];
  if (member !== undefined && value !== undefined) return { member, value };
  throw new StrongroomError('BadParameter', "Expected MEMBER eq 'VALUE' for $filter, received something else.");
}

function outcomeOf(thrown: unknown): StrongroomError {
  if (thrown instanceof StrongroomError) return thrown;
  return new StrongroomError('InternalError', 'The request could not be completed.', { cause: thrown });
}

/** What the audit log is told of a request: the path as the table has it, and ids of what there is, never what somebody has typed. */
class Deed {
  readonly #timeMs = Date.now();
  readonly #route: GraphRoute | undefined;
  readonly #request: FastifyRequest;
  readonly #requestId: string;
  principal: SecurityPrincipal | undefined = undefined;

  constructor(route: GraphRoute | undefined, request: FastifyRequest, requestId: string) {
    this.#route = route;
    this.#request = request;
    this.#requestId = requestId;
  }

  event(error: StrongroomError | undefined, made?: GraphAnswer): AuditEvent {
    const { headers } = this.#request;
    const isUnknown = error?.code === 'Unauthorized';
    return {
      timeMs: this.#timeMs,
      operation: isUnknown ? 'Authentication' : (this.#route?.operation ?? 'InvalidRequest'),
      result: error?.code ?? 'Success',
      innerCode: error?.innerCode,
      httpStatus: error === undefined ? (this.#route?.status ?? 200) : ERROR_CATALOGUE[error.code].status,
      durationMs: Date.now() - this.#timeMs,
      requestId: this.#requestId,
      callerAddress: callerAddress(this.#request),
      principal: this.principal,
      userAgent: headers['user-agent']?.slice(0, LIMITS.auditTextCharacters),
      requestUri: `${issuerOrigin(this.#request)}${VERSION}${this.#route?.path ?? '/*'}`,
      target: this.#target(made),
    };
  }

  #target(made: GraphAnswer): string | undefined {
    const [, kind] = this.#route?.path.split('/') ?? [];
    const { id = made?.id } = this.#request.params as { readonly id?: string };
    return kind !== undefined && typeof id === 'string' && GUID.test(id) ? `${kind}/${id}` : undefined;
  }
}
