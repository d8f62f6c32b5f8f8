import { type Static, Type } from 'typebox';
import type { AccessExplanation, AccessQuestion, HeldRole } from '../../access/explanation.ts';
import { badParameter } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { RoleDefinition } from '../../model/role.ts';
import { parseScope } from '../../model/scope.ts';
import { readGuid } from './guid.ts';
import { roleAssignmentMembers } from './role_assignment.ts';
import { readDataAction, roleDefinitionId } from './role_definition.ts';
import { Shape } from './shape.ts';

/** Strongroom's own (docs/roles.md). */
export const ACCESS_QUESTION = new Shape(
  Type.Object(
    {
      principalId: Type.String({ expected: 'an object id' }),
      groups: Type.Optional(
        Type.Array(Type.String({ expected: 'an object id' }), {
          maxItems: LIMITS.groupsPerPrincipal,
          expected: `a list of at most ${LIMITS.groupsPerPrincipal} object ids`,
        }),
      ),
      dataAction: Type.String({ expected: 'a data action' }),
      scope: Type.String({ expected: 'a scope' }),
    },
    { expected: 'a JSON object' },
  ),
);
export type AccessQuestionBody = Static<typeof ACCESS_QUESTION.schema>;

/** @throws StrongroomError `BadParameter` */
export function readAccessQuestion({
  principalId,
  groups = [],
  dataAction,
  scope,
}: AccessQuestionBody): AccessQuestion {
  const named = parseScope(scope);
  if (named === undefined) throw badParameter('scope', '/, /keys or /keys/{name}', scope);
  return {
    principalId: readGuid('principalId', principalId),
    groups: groups.map((each) => readGuid('groups', each)),
    action: readDataAction('dataAction', dataAction),
    scope: named,
  };
}

export function accessExplanationBody(explanation: AccessExplanation): string {
  const { question, allowedBy, elsewhere, withoutAction, roles } = explanation;
  const { principalId, groups, action, scope } = question;
  return JSON.stringify({
    principalId,
    groups,
    dataAction: action,
    scope,
    allowed: allowedBy.length > 0,
    allowedBy: allowedBy.map(heldMembers),
    heldElsewhere: elsewhere.map(heldMembers),
    heldWithoutAction: withoutAction.map(heldMembers),
    rolesWithAction: roles.map(roleMembers),
  });
}

function heldMembers({ assignment, definition }: HeldRole) {
  return {
    roleAssignment: roleAssignmentMembers(assignment),
    role: definition === undefined ? null : roleMembers(definition),
  };
}

function roleMembers({ id, name }: RoleDefinition) {
  return { id: roleDefinitionId(id), roleName: name };
}
