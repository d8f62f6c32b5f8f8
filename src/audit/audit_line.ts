import type { KeyObject } from 'node:crypto';
import type { AuditEvent } from '../model/audit_event.ts';
import type { SecurityPrincipal } from '../model/principal.ts';
import type { MerkleTree } from './merkle_tree.ts';
import { keyText } from './tree_head.ts';

/** Whose log it is. */
export interface AuditPlace {
  readonly tenantId: string;
  readonly poolName: string;
}

const OBJECT_ID_CLAIM = 'http://schemas.microsoft.com/identity/claims/objectidentifier';
const TENANT_ID_CLAIM = 'http://schemas.microsoft.com/identity/claims/tenantid';

/**
 * Writes events as members of a JSON object in the shape of Azure's AuditEvent (Azure API §6.1). Put together by hand, because it is done
 * for every request: what is a word of ours goes in as it is, everything else through JSON.stringify.
 */
export class EventWriter {
  readonly #fixed: string;
  readonly #identities = new WeakMap<SecurityPrincipal, string>();
  #timeMs = Number.NaN;
  #time = '';

  constructor({ tenantId, poolName }: AuditPlace) {
    const resource = poolName.toUpperCase();
    this.#fixed = JSON.stringify({
      TenantId: tenantId,
      resourceId: `/PROVIDERS/MICROSOFT.KEYVAULT/MANAGEDHSMS/${resource}`,
      resourceProvider: 'MICROSOFT.KEYVAULT',
      resourceType: 'managedHSMs',
      resource,
      PoolName: poolName,
    }).slice(1, -1);
  }

  members(event: AuditEvent): string {
    const { principal, requestId, correlationId = requestId } = event;
    return (
      `"category":"${event.result === 'Pending' ? 'AuditRequest' : 'AuditEvent'}"` +
      `,"time":"${this.#timeText(event.timeMs)}","operationName":"${event.operation}"` +
      text('operationVersion', event.apiVersion) +
      `,"resultType":"${event.result}"` +
      text('resultSignature', event.innerCode) +
      number('httpStatusCode', event.httpStatus) +
      number('durationMs', event.durationMs) +
      text('callerIpAddress', event.callerAddress) +
      text('subnetId', event.virtualNetwork ?? '(unknown)') +
      (principal === undefined ? '' : this.#identity(principal)) +
      text('clientInfo', event.userAgent) +
      text('correlationId', correlationId) +
      text('requestUri', event.requestUri) +
      `,"properties":${properties(event)},${this.#fixed}`
    );
  }

  /** Many events come in one millisecond. */
  #timeText(timeMs: number): string {
    if (timeMs !== this.#timeMs) {
      this.#time = new Date(timeMs).toISOString();
      this.#timeMs = timeMs;
    }
    return this.#time;
  }

  /** JSON in a JSON text, as Azure has it. A caller's principal is the same object for as long as its access token is remembered. */
  #identity(principal: SecurityPrincipal): string {
    const known = this.#identities.get(principal);
    if (known !== undefined) return known;
    const { objectId, tenantId, applicationId } = principal;
    const claim = { appid: applicationId, [OBJECT_ID_CLAIM]: objectId, [TENANT_ID_CLAIM]: tenantId };
    const identity = `,"identity":${JSON.stringify(JSON.stringify({ claim }))}`;
    this.#identities.set(principal, identity);
    return identity;
  }
}

function properties(event: AuditEvent): string {
  const { dataAction } = event;
  const action = dataAction === undefined || typeof dataAction === 'string' ? dataAction : dataAction.join(' or ');
  return (
    '{"PoolType":"M-HSM"' +
    text('requestId', event.requestId) +
    text('addrAuthType', event.addressAuthorization) +
    text('dataAction', action) +
    text('scope', event.scope) +
    text('keyName', event.keyName) +
    text('keyVersion', event.keyVersion) +
    text('algorithm', event.algorithm) +
    text('target', event.target) +
    '}'
  );
}

function text(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`;
}

function number(name: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${name}":${Math.round(value)}`;
}

/** Why a line of this kind is there. `new`, `copy` and `recovery`: a log begins. */
export type OpeningReason = 'new' | FollowedLog['reason'] | 'restart' | 'rotation';

/**
 * A log that another one begins after. `copy`: it was found where it was not written. `recovery`: the pool has taken the security domain of
 * another one, and with it another audit key.
 */
export interface FollowedLog {
  readonly reason: 'copy' | 'recovery';
  readonly end: LogEnd;
}

export interface Opening {
  readonly reason: OpeningReason;
  /** Over the lines before this one: what is needed to go on when they are not at hand. */
  readonly tree: MerkleTree;
  readonly publicKey: KeyObject;
  /** Tells this directory from a copy of it. */
  readonly place: string;
  /** The log that this one begins after. */
  readonly follows: LogEnd | undefined;
  /** Of a last line that a crash had left unfinished, which nobody had been told was written. */
  readonly tornBytes: number;
}

/** Where a log had come to. */
export interface LogEnd {
  readonly chain: string;
  readonly treeSize: number;
  readonly rootHash: string;
}

/** The first line of a file, and of what a process writes. */
export function openingMembers({ reason, tree, publicKey, place, follows, tornBytes }: Opening): string {
  const members = {
    time: new Date().toISOString(),
    reason,
    treeSize: tree.size,
    peaks: tree.peaks.map((peak) => peak.toString('hex')),
    publicKey: keyText(publicKey),
    place,
    follows,
    tornBytes,
  };
  return `"category":"AuditChain",${JSON.stringify(members).slice(1, -1)}`;
}

/** For some time the log could not be written. */
export interface Interruption {
  /** Numbers of the lines, from and to, that were written late: who waited for them was told that the service is not available, and has had no result. */
  readonly late: readonly LineRange[];
  /** Requests that were turned away before anything was done, and have no line. */
  readonly refused: number;
}

export type LineRange = readonly [first: number, last: number];

export function interruptionMembers({ late, refused }: Interruption): string {
  return `"category":"AuditInterruption",${JSON.stringify({ time: new Date().toISOString(), late, refused }).slice(1, -1)}`;
}
