import type { Roles } from '../access/roles.ts';

/** What the server needs of roles. */
export type RoleService = Pick<
  Roles,
  | 'authorizer'
  | 'definitions'
  | 'assignments'
  | 'definition'
  | 'assignment'
  | 'putDefinition'
  | 'removeDefinition'
  | 'addAssignment'
  | 'removeAssignment'
  | 'explain'
>;
