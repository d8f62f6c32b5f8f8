import type { RoleAssignment } from '../access/role_assignment.ts';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { DataDirectory } from '../config/data_directory.ts';
import { keepPrivateFile } from '../config/private_file.ts';
import { BUILT_IN_ROLE_IDS, type RoleDefinition } from '../model/role.ts';
import { POOL_SCOPE, parseScope } from '../model/scope.ts';

/** The role assignments of the data directory. On the first start the first application gets every role that a demonstration needs. */
export async function openAssignments(
  files: DataDirectory,
  roles: ReadonlyMap<string, RoleDefinition>,
  firstObjectId: string,
): Promise<readonly RoleAssignment[]> {
  const first = [BUILT_IN_ROLE_IDS.administrator, BUILT_IN_ROLE_IDS.cryptoOfficer, BUILT_IN_ROLE_IDS.cryptoUser].map(
    (roleDefinitionId) => ({ principalId: firstObjectId, roleDefinitionId, scope: POOL_SCOPE }),
  );
  const text = await keepPrivateFile(files.roleAssignments, () => `${JSON.stringify(first, undefined, 2)}\n`);
  const read: unknown = JSON.parse(text);
  if (!Array.isArray(read)) throw unusable(files, 'is no list');
  return read.map((row: Partial<Record<keyof RoleAssignment, unknown>>) => {
    const { principalId, roleDefinitionId, scope } = row;
    const known = typeof scope === 'string' ? parseScope(scope) : undefined;
    if (typeof principalId !== 'string' || typeof roleDefinitionId !== 'string' || known === undefined) {
      throw unusable(files, 'has a row without principalId, roleDefinitionId or scope');
    }
    if (!roles.has(roleDefinitionId)) throw unusable(files, `names a role that there is not: ${roleDefinitionId}`);
    return { principalId: principalId.toLowerCase(), roleDefinitionId, scope: known };
  });
}

function unusable(files: DataDirectory, problem: string): ConfigurationError {
  return new ConfigurationError([{ path: 'dataDir', message: `${files.roleAssignments} ${problem}.` }]);
}
