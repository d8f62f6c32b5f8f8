import { type Static, Type } from 'typebox';
import type { RoleAssignment } from '../../access/role_assignment.ts';
import { badParameter } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { POOL_SCOPE, type Scope } from '../../model/scope.ts';
import { readGuid } from './guid.ts';
import { roleDefinitionId } from './role_definition.ts';
import { Shape } from './shape.ts';

/** RoleAssignmentCreateParameters (Azure API §1.19). */
export const ROLE_ASSIGNMENT_CREATE = new Shape(
  Type.Object(
    {
      properties: Type.Object(
        {
          roleDefinitionId: Type.String({ maxLength: LIMITS.pathCharacters, expected: 'the id of a role definition' }),
          principalId: Type.String({ expected: 'an object id' }),
        },
        { expected: 'an object' },
      ),
    },
    { expected: 'a JSON object' },
  ),
);
export type RoleAssignmentCreateBody = Static<typeof ROLE_ASSIGNMENT_CREATE.schema>;

/** With and without a slash in front: both are in use. */
const DEFINITION_ID =
  /^\/?(?:Microsoft\.KeyVault\/)?providers\/Microsoft\.Authorization\/roleDefinitions\/([0-9a-f-]{36})$/i;

/** @throws StrongroomError `BadParameter` */
export function readRoleAssignment(scope: Scope, id: string, { properties }: RoleAssignmentCreateBody): RoleAssignment {
  const { roleDefinitionId: named } = properties;
  const [, definition] = DEFINITION_ID.exec(named) ?? [];
  if (definition === undefined) throw badParameter('properties.roleDefinitionId', `${roleDefinitionId('GUID')}`, named);
  return {
    id,
    scope,
    principalId: readGuid('properties.principalId', properties.principalId),
    roleDefinitionId: readGuid('properties.roleDefinitionId', definition),
    roleDefinitionName: named,
  };
}

export function roleAssignmentBody(assignment: RoleAssignment): string {
  return JSON.stringify(roleAssignmentMembers(assignment));
}

/** RoleAssignmentListResult. */
export function roleAssignmentList(assignments: readonly RoleAssignment[]): string {
  return JSON.stringify({ value: assignments.map(roleAssignmentMembers) });
}

export function roleAssignmentMembers(assignment: RoleAssignment) {
  const { id, scope, principalId, roleDefinitionId: definition, roleDefinitionName } = assignment;
  return {
    id: `${scope === POOL_SCOPE ? '' : scope}/providers/Microsoft.Authorization/roleAssignments/${id}`,
    name: id,
    type: 'Microsoft.Authorization/roleAssignments',
    properties: { scope, roleDefinitionId: roleDefinitionName ?? roleDefinitionId(definition), principalId },
  };
}
