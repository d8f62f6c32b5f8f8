import type { JWTPayload } from 'jose';
import { LIMITS } from '../model/limits.ts';
import type { PrincipalKind, SecurityPrincipal } from '../model/principal.ts';
import { derivedGuid } from './derived_guid.ts';
import { notAccepted, tooManyGroups } from './refusal.ts';

/** From the claims of a verified token to its holder. @throws StrongroomError `Unauthorized` */
export type ClaimReader = (claims: JWTPayload) => SecurityPrincipal;

const GUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const MOST_NAME_CHARACTERS = 256;

/** The claims of Entra's tokens, v1 and v2 (Azure API §4.1). Tokens of other tenants are refused, whoever signs them. */
export function entraClaims(tenantId: string): ClaimReader {
  return (claims) => {
    const { oid, tid, appid, azp } = claims;
    if (typeof tid !== 'string' || tid.toLowerCase() !== tenantId) {
      throw notAccepted('the tenant is not that of the issuer');
    }
    return {
      objectId: guid(oid),
      tenantId,
      applicationId: text(appid ?? azp),
      groups: readGroups(claims, 'groups').map((each) => each.toLowerCase()),
      kind: kindOf(claims),
      name: shortText(claims.upn ?? claims.unique_name ?? claims.preferred_username ?? claims.app_displayname),
    };
  };
}

/** Names of the claims of another issuer that say what Entra's do. */
export interface ClaimMapping {
  readonly subject: string;
  readonly groups: string | undefined;
  readonly application: string | undefined;
  readonly name: string | undefined;
  /**
   * `derived`: object ids are made of issuer and subject, so that no subject of one issuer can be one of another. `claimed`: the claims are
   * GUIDs, and taken as they are; the issuer is trusted with all object ids there are.
   */
  readonly objectIds: 'derived' | 'claimed';
}

/** The claims of any issuer, by a mapping. What it has no word for, it does not say. */
export function mappedClaims(issuer: string, tenantId: string, mapping: ClaimMapping): ClaimReader {
  const isClaimed = mapping.objectIds === 'claimed';
  const groupOf = (name: string): string => (isClaimed ? name.toLowerCase() : derivedId(issuer, 'group', name));
  return (claims) => {
    const subject = claims[mapping.subject];
    if (typeof subject !== 'string' || subject === '') throw notAccepted(`the claim ${mapping.subject} is no text`);
    const groups = mapping.groups === undefined ? [] : readGroups(claims, mapping.groups);
    return {
      objectId: isClaimed ? guid(subject) : derivedId(issuer, 'subject', subject),
      tenantId,
      applicationId: mapping.application === undefined ? undefined : text(claims[mapping.application]),
      groups: groups.map(groupOf),
      name: mapping.name === undefined ? undefined : shortText(claims[mapping.name]),
    };
  };
}

/** For somebody of an issuer: nobody else has it, groups of the same name included. */
function derivedId(issuer: string, what: 'subject' | 'group', name: string): string {
  return derivedGuid('strongroom object id', issuer, what, name);
}

function kindOf({ xms_mirid: resource, idtyp, scp, sub, oid }: JWTPayload): PrincipalKind {
  if (typeof resource === 'string') return 'managedIdentity';
  if (idtyp === 'app') return 'servicePrincipal';
  return idtyp === 'user' || scp !== undefined || sub !== oid ? 'user' : 'servicePrincipal';
}

/** A member of too many groups comes with none and a pointer to a directory: to go by none would deny, or worse, half the groups would count. */
function readGroups(claims: JWTPayload, name: string): readonly string[] {
  const groups = claims[name];
  const { _claim_names: elsewhere, hasgroups } = claims;
  const isElsewhere = typeof elsewhere === 'object' && elsewhere !== null && name in elsewhere;
  if (isElsewhere || (hasgroups !== undefined && hasgroups !== false && hasgroups !== 'false')) throw tooManyGroups();
  if (groups === undefined) return [];
  if (!Array.isArray(groups) || !groups.every((each) => typeof each === 'string')) {
    throw notAccepted('the groups are no list of texts');
  }
  if (groups.length > LIMITS.groupsPerPrincipal) throw tooManyGroups();
  return groups;
}

function guid(value: unknown): string {
  if (typeof value !== 'string' || !GUID.test(value)) throw notAccepted('the object id is not a GUID');
  return value.toLowerCase();
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function shortText(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MOST_NAME_CHARACTERS ? value : undefined;
}
