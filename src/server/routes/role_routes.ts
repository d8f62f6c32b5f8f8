import type { TSchema } from 'typebox';
import { createRoleAssignment } from '../handlers/create_role_assignment.ts';
import { deleteRoleAssignment } from '../handlers/delete_role_assignment.ts';
import { deleteRoleDefinition } from '../handlers/delete_role_definition.ts';
import { explainAccess } from '../handlers/explain_access.ts';
import { getRoleAssignment } from '../handlers/get_role_assignment.ts';
import { getRoleDefinition } from '../handlers/get_role_definition.ts';
import { listRoleAssignments } from '../handlers/list_role_assignments.ts';
import { listRoleDefinitions } from '../handlers/list_role_definitions.ts';
import { putRoleDefinition } from '../handlers/put_role_definition.ts';
import { type Route, type RouteRow, route } from '../route.ts';
import { ACCESS_QUESTION } from '../wire/access_explanation.ts';
import { ROLE_ASSIGNMENT_CREATE } from '../wire/role_assignment.ts';
import { ROLE_DEFINITION_PUT } from '../wire/role_definition.ts';

/** The scope is the beginning of the path (Azure API §1.2, 5). */
const PREFIXES: readonly [Route['scope'], string][] = [
  ['pool', ''],
  ['keys', '/keys'],
  ['key', '/keys/:name'],
];

const DEFINITIONS = '/providers/Microsoft.Authorization/roleDefinitions';
const ASSIGNMENTS = '/providers/Microsoft.Authorization/roleAssignments';
/** Definitions live at `/`, whatever scope the path of a change begins with. */
const DEFINITION_PATHS = [`${DEFINITIONS}/:id`, `/keys${DEFINITIONS}/:id`];

/** The same at every scope, for whoever has the right there. */
function atEveryScope<T extends TSchema>(path: string, row: Omit<RouteRow<T>, 'paths' | 'scope'>): Route[] {
  return PREFIXES.map(([scope, prefix]) => route({ ...row, scope, paths: [`${prefix}${path}`] }));
}

/** Role definitions and role assignments (Azure API §1.19), and why somebody may do something. */
export const ROLE_ROUTES: readonly Route[] = [
  ...atEveryScope(DEFINITIONS, {
    method: 'GET',
    operation: 'listRoleDefinitions',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleDefinitions/read/action',
    body: undefined,
    handler: listRoleDefinitions,
  }),
  ...atEveryScope(`${DEFINITIONS}/:id`, {
    method: 'GET',
    operation: 'getRoleDefinition',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleDefinitions/read/action',
    body: undefined,
    handler: getRoleDefinition,
  }),
  route({
    method: 'PUT',
    paths: DEFINITION_PATHS,
    operation: 'putRoleDefinition',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleDefinitions/write/action',
    scope: 'pool',
    body: ROLE_DEFINITION_PUT,
    status: 201,
    handler: putRoleDefinition,
  }),
  route({
    method: 'DELETE',
    paths: DEFINITION_PATHS,
    operation: 'deleteRoleDefinition',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleDefinitions/delete/action',
    scope: 'pool',
    body: undefined,
    handler: deleteRoleDefinition,
  }),
  ...atEveryScope(ASSIGNMENTS, {
    method: 'GET',
    operation: 'listRoleAssignments',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleAssignments/read/action',
    body: undefined,
    handler: listRoleAssignments,
  }),
  ...atEveryScope(`${ASSIGNMENTS}/:id`, {
    method: 'GET',
    operation: 'getRoleAssignment',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleAssignments/read/action',
    body: undefined,
    handler: getRoleAssignment,
  }),
  ...atEveryScope(`${ASSIGNMENTS}/:id`, {
    method: 'PUT',
    operation: 'createRoleAssignment',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleAssignments/write/action',
    body: ROLE_ASSIGNMENT_CREATE,
    status: 201,
    handler: createRoleAssignment,
  }),
  ...atEveryScope(`${ASSIGNMENTS}/:id`, {
    method: 'DELETE',
    operation: 'deleteRoleAssignment',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleAssignments/delete/action',
    body: undefined,
    handler: deleteRoleAssignment,
  }),
  route({
    method: 'POST',
    paths: ['/access/explain'],
    operation: 'explainAccess',
    dataAction: 'Microsoft.KeyVault/managedHsm/roleAssignments/read/action',
    scope: 'pool',
    body: ACCESS_QUESTION,
    changes: false,
    handler: explainAccess,
  }),
];
