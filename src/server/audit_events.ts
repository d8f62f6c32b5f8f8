import type { NetworkCriterion } from '../access/firewall.ts';
import { type AddressAuthorization, type AuditEvent, auditOperation } from '../model/audit_event.ts';
import { ERROR_CATALOGUE, type StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { KEYS_SCOPE, keyScope, parseScope } from '../model/scope.ts';
import type { AuditItem } from './audit_notes.ts';
import type { Exchange } from './exchange.ts';

const GUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const API_VERSION = /^[0-9a-z.-]{1,32}$/;
const KEY_VERSION = /^[0-9a-f]{32}$/;
/** As Azure's log calls what lets a caller in. */
const ADDRESS_AUTHORIZATIONS: Readonly<Record<NetworkCriterion, AddressAuthorization>> = {
  privateEndpoint: 'PrivateLink',
  allNetworks: 'PublicIP',
  ipRule: 'PublicIP',
  virtualNetwork: 'Subnet',
  trustedService: 'TrustedService',
};

/** What the log is told of a request that has come to its end, one way or the other: an event for each of its items, else one. */
export function auditEventsOf(exchange: Exchange, error: StrongroomError | undefined): readonly AuditEvent[] {
  const { items } = exchange.audit;
  const event = wholeEvent(exchange, error);
  if (error !== undefined || items === undefined) return [event];
  return items.map((item) => ({ ...event, ...ofItem(item) }));
}

function wholeEvent(exchange: Exchange, error: StrongroomError | undefined): AuditEvent {
  const { audit, incoming, target, principal, requestId, origin, network } = exchange;
  const { headers } = incoming;
  const apiVersion = target.query['api-version'];
  const clientRequestId = headers['x-ms-client-request-id'];
  return {
    timeMs: audit.timeMs,
    apiVersion: typeof apiVersion === 'string' && API_VERSION.test(apiVersion) ? apiVersion : undefined,
    durationMs: exchange.latencyMs,
    callerAddress: origin.address?.text,
    addressAuthorization: network?.criterion && ADDRESS_AUTHORIZATIONS[network.criterion],
    virtualNetwork: network?.virtualNetwork,
    principal,
    userAgent: headers['user-agent']?.slice(0, LIMITS.auditTextCharacters),
    correlationId: typeof clientRequestId === 'string' && GUID.test(clientRequestId) ? clientRequestId : requestId,
    requestId,
    requestUri: uriOf(exchange),
    ...outcomeMembers(error, target.route?.status ?? 200),
    ...doneBy(exchange),
  };
}

/** What was asked for is told of somebody who is known, or was turned away at the firewall; of others the path says it. */
function doneBy(exchange: Exchange): Pick<AuditEvent, (typeof DEED_MEMBERS)[number]> {
  const { principal, audit, target, network } = exchange;
  const { route } = target;
  const isBlocked = network !== undefined && network.criterion === undefined;
  if (principal === undefined && !isBlocked) return { ...NOTHING, operation: 'Authentication' };
  if (route === undefined) return { ...NOTHING, operation: 'InvalidRequest' };
  const { name, version } = target.parameters;
  const scope = parseScope(route.scope === 'key' ? keyScope(name ?? '') : WIDE_SCOPES[route.scope]);
  const isKeyVersion = version !== undefined && KEY_VERSION.test(version);
  return {
    operation: auditOperation(route.operation),
    dataAction: route.dataAction,
    scope,
    keyName: audit.keyName ?? (scope !== undefined && route.scope === 'key' ? name : undefined),
    keyVersion: audit.keyVersion ?? (isKeyVersion ? version : undefined),
    algorithm: audit.algorithm,
  };
}

const WIDE_SCOPES = { keys: KEYS_SCOPE, pool: '/' } as const;
const DEED_MEMBERS = ['operation', 'dataAction', 'scope', 'keyName', 'keyVersion', 'algorithm'] as const;
const NOTHING = {
  dataAction: undefined,
  scope: undefined,
  keyName: undefined,
  keyVersion: undefined,
  algorithm: undefined,
};

function ofItem({ operation, dataAction, keyVersion, algorithm, error }: AuditItem): Partial<AuditEvent> {
  const outcome = outcomeMembers(error, 200);
  return { operation: auditOperation(operation), dataAction, keyVersion, algorithm, ...outcome };
}

function outcomeMembers(
  error: StrongroomError | undefined,
  status: number,
): Pick<AuditEvent, 'result' | 'innerCode' | 'httpStatus'> {
  if (error === undefined) return { result: 'Success', innerCode: undefined, httpStatus: status };
  return { result: error.code, innerCode: error.innerCode, httpStatus: ERROR_CATALOGUE[error.code].status };
}

/** Callers put into a query what does not belong there, access tokens for one. */
function uriOf({ authority, incoming, target }: Exchange): string {
  const { url = '' } = incoming;
  const query = url.indexOf('?');
  const path = (query === -1 ? url : url.slice(0, query)).slice(0, LIMITS.auditTextCharacters);
  const apiVersion = target.query['api-version'];
  const shown = typeof apiVersion === 'string' && API_VERSION.test(apiVersion) ? `?api-version=${apiVersion}` : '';
  return `https://${authority}${path}${shown}`;
}
