import type { Logger } from 'pino';
import type { FirstRoles } from '../access/first_roles.ts';
import { Roles } from '../access/roles.ts';
import type { Configuration } from '../config/settings.ts';
import { BUILT_IN_ROLE_IDS, builtInRoles } from '../model/role.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';

/**
 * The roles of the store, with those in it who hold one from the beginning: the administrators that the configuration names, or else, for
 * who tries the server out, the application that the first start has made.
 * @throws StrongroomError `StoreTampered`, `ServiceUnavailable`
 */
export async function openRoles(
  { access, compatibility }: Configuration,
  documents: SealedDocuments,
  firstApplication: string | undefined,
  log: Logger,
): Promise<Roles> {
  const roles = await Roles.open({
    documents,
    builtIn: builtInRoles(compatibility),
    onTrouble: (error) => log.error({ err: error }, 'the roles cannot be read, and nobody is let in'),
  });
  await roles.introduce(firstRoles(access.initialAdministrators, firstApplication));
  return roles;
}

/** Who holds roles from the beginning. */
export function firstRoles(administrators: readonly string[], firstApplication: string | undefined): FirstRoles[] {
  const { administrator, cryptoOfficer, cryptoUser } = BUILT_IN_ROLE_IDS;
  if (administrators.length > 0) {
    return administrators.map((principalId) => ({ principalId, roleDefinitionIds: [administrator] }));
  }
  if (firstApplication === undefined) return [];
  return [{ principalId: firstApplication, roleDefinitionIds: [administrator, cryptoOfficer, cryptoUser] }];
}
