import { AccessClient, type GivenAssignment, type ScopeOptions } from './access_client.ts';

export interface AccessExplainOptions extends ScopeOptions {
  readonly principal: string;
  readonly action: string;
  readonly group?: readonly string[] | undefined;
}

interface GivenHeldRole {
  readonly roleAssignment: GivenAssignment;
  readonly role: { readonly roleName: string } | null;
}

interface GivenExplanation {
  readonly principalId: string;
  readonly dataAction: string;
  readonly scope: string;
  readonly allowed: boolean;
  readonly allowedBy: readonly GivenHeldRole[];
  readonly heldElsewhere: readonly GivenHeldRole[];
  readonly heldWithoutAction: readonly GivenHeldRole[];
  readonly rolesWithAction: readonly { readonly roleName: string }[];
}

const ACTION_PREFIX = 'Microsoft.KeyVault/managedHsm/';

/** Says which assignment allows something, or what is missing; 1 then. */
export async function explainAccess(options: AccessExplainOptions): Promise<number> {
  const { principal: principalId, action, group: groups = [] } = options;
  const client = await AccessClient.open(options);
  const dataAction = action.includes('managedHsm/') ? action : ACTION_PREFIX + action;
  const question = { principalId, groups, dataAction, scope: client.scope };
  const given = (await client.explain(question)) as GivenExplanation;
  for (const line of linesOf(given)) console.log(line);
  return given.allowed ? 0 : 1;
}

function linesOf(given: GivenExplanation): string[] {
  const { principalId, dataAction, scope, allowed } = given;
  const held = (text: string) => (each: GivenHeldRole) => `      ${heldText(each, principalId)}${text}`;
  if (allowed) {
    return [`yes   ${principalId} may ${dataAction} on ${scope}, by:`, ...given.allowedBy.map(held('.'))];
  }
  const roles = given.rolesWithAction.map(({ roleName }) => roleName).join(', ');
  return [
    `no    ${principalId} may not ${dataAction} on ${scope}.`,
    ...given.heldElsewhere.map(held(': has the action, but not for this scope.')),
    ...given.heldWithoutAction.map(held(': for this scope, but without the action.')),
    `      ${roles === '' ? 'No role has the action.' : `It takes one of these roles at the scope or above it: ${roles}.`}`,
  ];
}

function heldText({ roleAssignment, role }: GivenHeldRole, principalId: string): string {
  const { scope, principalId: holder } = roleAssignment.properties;
  const through = holder === principalId ? '' : `, held by the group ${holder}`;
  return `${role?.roleName ?? 'a role that is gone'} at ${scope} (assignment ${roleAssignment.name}${through})`;
}
