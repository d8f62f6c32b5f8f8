import type { NetworkCriterion } from '../access/firewall.ts';
import { type AddressAuthorization, type AuditEvent, auditOperation } from '../model/audit_event.ts';
import { ERROR_CATALOGUE, type StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { parseScope } from '../model/scope.ts';
import type { AuditItem } from './audit_notes.ts';
import type { Exchange } from './exchange.ts';
import { targetScope } from './target_scope.ts';

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
/** Words of paths, names and ids. */
const PATH_SEGMENT = /^[0-9A-Za-z.-]{0,127}$/;

/** What the log is told of a request before it changes anything. */
export function pendingEventOf(exchange: Exchange): AuditEvent {
  return { ...callOf(exchange), ...deedOf(exchange), result: 'Pending' };
}

/**
 * What the log is told of a request that has come to its end, one way or the other: an event for each of its items, and one for the whole
 * where it has none or has failed.
 */
export function auditEventsOf(exchange: Exchange, error: StrongroomError | undefined): readonly AuditEvent[] {
  const { audit, target } = exchange;
  const call = { ...callOf(exchange), durationMs: exchange.latencyMs };
  const isUnknown = error?.code === 'Unauthorized';
  const deed: Deed = isUnknown ? { operation: 'Authentication' } : deedOf(exchange);
  const items = audit.items.map((item) => ({ ...call, ...deed, ...itemMembers(item) }));
  if (items.length > 0 && error === undefined) return items;
  return [...items, { ...call, ...deed, ...outcomeMembers(error, target.route?.status ?? 200) }];
}

type Call = Omit<AuditEvent, 'operation' | 'result'>;
type Deed = Pick<AuditEvent, 'operation' | 'dataAction' | 'scope' | 'keyName' | 'keyVersion' | 'algorithm' | 'target'>;

function callOf(exchange: Exchange): Call {
  const { audit, incoming, principal, requestId, origin, network } = exchange;
  const { headers } = incoming;
  const clientRequestId = headers['x-ms-client-request-id'];
  return {
    timeMs: audit.timeMs,
    requestId,
    correlationId: typeof clientRequestId === 'string' && GUID.test(clientRequestId) ? clientRequestId : requestId,
    apiVersion: apiVersionOf(exchange),
    callerAddress: origin.address?.text,
    addressAuthorization: network?.criterion && ADDRESS_AUTHORIZATIONS[network.criterion],
    virtualNetwork: network?.virtualNetwork,
    principal,
    userAgent: headers['user-agent']?.slice(0, LIMITS.auditTextCharacters),
    requestUri: uriOf(exchange),
  };
}

function deedOf({ audit, target }: Exchange): Deed {
  const { route } = target;
  if (route === undefined) return { operation: 'InvalidRequest' };
  const { name, version } = target.parameters;
  const scope = parseScope(targetScope(route, name ?? ''));
  const isKeyVersion = version !== undefined && KEY_VERSION.test(version);
  return {
    operation: auditOperation(route.operation),
    dataAction: route.dataAction,
    scope,
    keyName: audit.keyName ?? (scope !== undefined && route.scope === 'key' ? name : undefined),
    keyVersion: audit.keyVersion ?? (isKeyVersion ? version : undefined),
    algorithm: audit.algorithm,
    target: audit.target,
  };
}

function itemMembers({ operation, dataAction, keyVersion, algorithm, error }: AuditItem): Deed & Outcome {
  return { operation: auditOperation(operation), dataAction, keyVersion, algorithm, ...outcomeMembers(error, 200) };
}

type Outcome = Pick<AuditEvent, 'result' | 'innerCode' | 'httpStatus'>;

function outcomeMembers(error: StrongroomError | undefined, status: number): Outcome {
  if (error === undefined) return { result: 'Success', httpStatus: status };
  return { result: error.code, innerCode: error.innerCode, httpStatus: ERROR_CATALOGUE[error.code].status };
}

function apiVersionOf({ target }: Exchange): string | undefined {
  const apiVersion = target.query['api-version'];
  return typeof apiVersion === 'string' && API_VERSION.test(apiVersion) ? apiVersion : undefined;
}

/** Callers put into an URL what does not belong there, access tokens for one: so nothing of it is repeated that is not made like ours. */
function uriOf(exchange: Exchange): string {
  const { url = '' } = exchange.incoming;
  const query = url.indexOf('?');
  const path = (query === -1 ? url : url.slice(0, query)).slice(0, LIMITS.auditTextCharacters);
  const shown = path
    .split('/')
    .map((segment) => (PATH_SEGMENT.test(segment) ? segment : '*'))
    .join('/');
  const apiVersion = apiVersionOf(exchange);
  return `https://${exchange.authority}${shown}${apiVersion === undefined ? '' : `?api-version=${apiVersion}`}`;
}
