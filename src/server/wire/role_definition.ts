import { type Static, Type } from 'typebox';
import { badParameter } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { type DataAction, findDataAction, type Permission, type RoleDefinition } from '../../model/role.ts';
import { Shape } from './shape.ts';

const actions = (expected: string) =>
  Type.Optional(
    Type.Array(Type.String({ maxLength: LIMITS.actionCharacters, expected }), {
      maxItems: LIMITS.actionsPerPermission,
      expected: `a list of at most ${LIMITS.actionsPerPermission} actions`,
    }),
  );

const PERMISSION = Type.Object(
  {
    actions: actions('an action'),
    notActions: actions('an action'),
    dataActions: actions('a data action'),
    notDataActions: actions('a data action'),
  },
  { expected: 'an object with dataActions' },
);

const text = (characters: number) =>
  Type.Optional(Type.String({ maxLength: characters, expected: `a text of at most ${characters} characters` }));

/** RoleDefinitionCreateParameters (Azure API §1.19). */
export const ROLE_DEFINITION_PUT = new Shape(
  Type.Object(
    {
      properties: Type.Object(
        {
          roleName: text(LIMITS.roleNameCharacters),
          description: text(LIMITS.roleDescriptionCharacters),
          type: Type.Optional(Type.Literal('CustomRole', { expected: 'CustomRole' })),
          permissions: Type.Optional(
            Type.Array(PERMISSION, {
              maxItems: LIMITS.permissionsPerRole,
              expected: `a list of at most ${LIMITS.permissionsPerRole} permissions`,
            }),
          ),
          assignableScopes: Type.Optional(
            Type.Array(Type.Union([Type.Literal('/'), Type.Literal('/keys')], { expected: '/ or /keys' }), {
              expected: 'a list of scopes',
            }),
          ),
        },
        { expected: 'an object' },
      ),
    },
    { expected: 'a JSON object' },
  ),
);
export type RoleDefinitionPutBody = Static<typeof ROLE_DEFINITION_PUT.schema>;
type PermissionBody = Static<typeof PERMISSION>;

/** One without a name is called by its id. @throws StrongroomError `BadParameter` */
export function readRoleDefinition(id: string, { properties }: RoleDefinitionPutBody): RoleDefinition {
  const { roleName = '', description = '', permissions = [] } = properties;
  return {
    id,
    name: roleName === '' ? id : roleName,
    description,
    kind: 'custom',
    permissions: permissions.map(readPermission),
  };
}

function readPermission(body: PermissionBody): Permission {
  const { actions: granted = [], notActions = [], dataActions = [], notDataActions = [] } = body;
  return {
    actions: granted,
    notActions,
    dataActions: dataActions.map((each) => readDataAction('dataActions', each)),
    notDataActions: notDataActions.map((each) => readDataAction('notDataActions', each)),
  };
}

/**
 * Each by its whole name: what a wildcard grants would grow with every version, and a misspelt exclusion would exclude nothing.
 * @throws StrongroomError `BadParameter`
 */
export function readDataAction(parameter: string, name: string): DataAction {
  const known = findDataAction(name);
  if (known === undefined) throw badParameter(parameter, 'data actions of a Managed HSM by their whole names', name);
  return known;
}

export function roleDefinitionBody(definition: RoleDefinition): string {
  return JSON.stringify(roleDefinitionMembers(definition));
}

/** RoleDefinitionListResult. */
export function roleDefinitionList(definitions: readonly RoleDefinition[]): string {
  return JSON.stringify({ value: definitions.map(roleDefinitionMembers) });
}

const ID_PREFIX = 'Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/';
const TYPES = { builtIn: 'AKVBuiltInRole', custom: 'CustomRole' } as const;

/** As Azure spells it: without a slash in front. */
export function roleDefinitionId(id: string): string {
  return `${ID_PREFIX}${id}`;
}

function roleDefinitionMembers({ id, name, description, kind, permissions }: RoleDefinition) {
  return {
    id: roleDefinitionId(id),
    name: id,
    type: 'Microsoft.Authorization/roleDefinitions',
    properties: { roleName: name, description, type: TYPES[kind], permissions, assignableScopes: ['/'] },
  };
}
