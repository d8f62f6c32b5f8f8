import { ERROR_CATALOGUE, StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { RoleDefinition } from '../model/role.ts';
import type { Scope } from '../model/scope.ts';
import type { SealedDocuments } from '../store/sealed_documents.ts';
import { Authorizer } from './authorizer.ts';
import { type AccessExplanation, type AccessQuestion, explainAccess } from './explanation.ts';
import { type FirstRoles, withFirstRoles } from './first_roles.ts';
import type { RoleAssignment } from './role_assignment.ts';
import { RoleDocuments } from './role_documents.ts';
import {
  builtInRoleName,
  builtInRoleStays,
  roleAssignmentNotFound,
  roleDefinitionNotFound,
  rolesUnreadable,
  unknownRole,
} from './role_refusal.ts';
import { withAssignment, withDefinition, withoutAssignment, withoutDefinition } from './role_rules.ts';

export interface RolesOptions {
  readonly documents: SealedDocuments;
  readonly builtIn: ReadonlyMap<string, RoleDefinition>;
  /** Told when the roles cannot be read, and so nobody is let in. */
  readonly onTrouble: (error: StrongroomError) => void;
}

/**
 * Role definitions and role assignments, as the store has them: what is changed here decides at once, what another server has changed within
 * a second. When that cannot be known any more, nobody is let in.
 */
export class Roles {
  readonly authorizer = new Authorizer(new Map(), []);
  readonly #stored: RoleDocuments;
  readonly #builtIn: ReadonlyMap<string, RoleDefinition>;
  readonly #onTrouble: (error: StrongroomError) => void;
  /** Changes and looks at the store take turns, so that no look undoes what a change has just remembered. */
  #turn: Promise<unknown> = Promise.resolve();
  #lookWaits = false;
  #isInTrouble = false;

  private constructor({ documents, builtIn, onTrouble }: RolesOptions) {
    this.#stored = new RoleDocuments(documents);
    this.#builtIn = builtIn;
    this.#onTrouble = onTrouble;
  }

  /** @throws StrongroomError `StoreTampered`, `ServiceUnavailable` */
  static async open(options: RolesOptions): Promise<Roles> {
    const roles = new Roles(options);
    roles.#stored.onChanged(() => roles.#look());
    await roles.#inTurn(() => roles.#stored.readAll());
    return roles;
  }

  /** Built-in ones first. */
  get definitions(): readonly RoleDefinition[] {
    return [...this.#builtIn.values(), ...this.#stored.definitions];
  }

  get assignments(): readonly RoleAssignment[] {
    return this.#stored.assignments;
  }

  /** @throws StrongroomError `RoleDefinitionNotFound` */
  definition(id: string): RoleDefinition {
    const found = this.#definition(id);
    if (found === undefined) throw roleDefinitionNotFound();
    return found;
  }

  /** @throws StrongroomError `RoleAssignmentNotFound` */
  assignment(scope: Scope, id: string): RoleAssignment {
    const found = this.#stored.at(scope).assignments.find((each) => each.id === id);
    if (found === undefined) throw roleAssignmentNotFound();
    return found;
  }

  /** Why the principal may do it, or what is missing. */
  explain(question: AccessQuestion): AccessExplanation {
    return explainAccess(question, this.definitions, this.assignments);
  }

  /** Makes it, or replaces the custom one of that id. @throws StrongroomError `BadParameter` */
  async putDefinition(put: RoleDefinition): Promise<void> {
    const name = put.name.toLowerCase();
    const isBuiltIn = [...this.#builtIn.values()].some(
      (each) => each.id === put.id || each.name.toLowerCase() === name,
    );
    if (isBuiltIn) throw builtInRoleName();
    await this.#change(() => this.#stored.changeDefinitions((definitions) => withDefinition(definitions, put)));
  }

  /** @throws StrongroomError `RoleDefinitionNotFound`, `BadParameter`, `Conflict` (`RoleDefinitionHasAssignments`) */
  async removeDefinition(id: string): Promise<RoleDefinition> {
    if (this.#builtIn.has(id)) throw builtInRoleStays();
    let removed: RoleDefinition | undefined;
    await this.#change(() =>
      this.#stored.changeDefinitions((definitions) => {
        removed = definitions.find((each) => each.id === id);
        return withoutDefinition(definitions, id, this.#stored.assignments);
      }),
    );
    return removed as RoleDefinition;
  }

  /** @throws StrongroomError `RoleAssignmentExists`, `BadParameter` */
  async addAssignment(added: RoleAssignment): Promise<void> {
    await this.#change(() =>
      this.#stored.changeScope(added.scope, (content) => {
        if (this.#definition(added.roleDefinitionId) === undefined) throw unknownRole(added.roleDefinitionId);
        const others = this.#stored.assignments.filter(({ scope }) => scope !== added.scope);
        return withAssignment(content, added, others);
      }),
    );
  }

  /** @throws StrongroomError `RoleAssignmentNotFound`, `Conflict` (`LastAdministrator`) */
  async removeAssignment(scope: Scope, id: string): Promise<RoleAssignment> {
    let removed: RoleAssignment | undefined;
    await this.#change(() =>
      this.#stored.changeScope(scope, (content) => {
        removed = content.assignments.find((each) => each.id === id);
        return withoutAssignment(content, id);
      }),
    );
    return removed as RoleAssignment;
  }

  /** Gives each of them his roles at `/`, once and never again. */
  async introduce(principals: readonly FirstRoles[]): Promise<void> {
    await this.#change(() => this.#stored.changeScope('/', (content) => withFirstRoles(content, principals)));
  }

  #definition(id: string): RoleDefinition | undefined {
    return this.#builtIn.get(id) ?? this.#stored.definitions.find((each) => each.id === id);
  }

  async #change(perform: () => Promise<void>): Promise<void> {
    try {
      await this.#inTurn(perform);
    } catch (error) {
      // Whether it was done may not be known then, nor what decides.
      if (!(error instanceof StrongroomError) || ERROR_CATALOGUE[error.code].status >= 500) this.#look();
      throw error;
    }
  }

  /** Another server may have changed something: what is known is good for as long as a look takes that is not slow. */
  #look(): void {
    if (this.#lookWaits) return;
    this.#lookWaits = true;
    const tooSlow = setTimeout(() => this.authorizer.shut(rolesUnreadable(undefined)), LIMITS.rolesDoubtedMs).unref();
    this.#inTurn(() => {
      this.#lookWaits = false;
      return this.#stored.readAll();
    })
      .catch((error: unknown) => {
        const reason = rolesUnreadable(error);
        this.authorizer.shut(reason);
        if (!this.#isInTrouble) this.#onTrouble(reason);
        this.#isInTrouble = true;
        setTimeout(() => this.#look(), LIMITS.rolesRetryMs).unref();
      })
      .finally(() => clearTimeout(tooSlow));
  }

  /** What is known by the end of the turn decides from then on. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work).then(() => {
      const definitions = new Map(this.definitions.map((each) => [each.id, each]));
      this.authorizer.replace(definitions, this.#stored.assignments);
      this.#isInTrouble = false;
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
