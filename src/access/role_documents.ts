import { StrongroomError } from '../model/errors.ts';
import type { RoleDefinition } from '../model/role.ts';
import { POOL_SCOPE, type Scope } from '../model/scope.ts';
import type { Document, SealedDocuments } from '../store/sealed_documents.ts';
import { storeTampered } from '../store/store_refusal.ts';
import { type FirstRoles, withFirstRoles } from './first_roles.ts';
import type { RoleAssignment } from './role_assignment.ts';

/** What is assigned at one scope: together, so that limits and the last administrator hold whoever else changes it at the same moment. */
export interface ScopeContent {
  readonly assignments: readonly RoleAssignment[];
  /** Principals that have been given their first roles; they are not given them again. */
  readonly introduced: readonly string[];
}

const DEFINITIONS = 'role_definition';
/** The one document of its collection: all custom definitions. */
const CUSTOM = 'custom';
const ASSIGNMENTS = 'role_assignment';
const NOTHING: ScopeContent = { assignments: [], introduced: [] };
const MOST_ATTEMPTS = 10;

/** What a backup of the pool knows of a collection of documents. */
export interface RoleCollection {
  readonly name: string;
  /** In place of one that a backup does not have: it is never gone. */
  readonly absent: unknown;
  readonly adapt?: (id: string, content: unknown) => unknown;
}

/** Roles as they go into backups and come back. Whoever has roles from the beginning and is not known to the backup has them then as well. */
export function roleCollections(principals: readonly FirstRoles[]): readonly RoleCollection[] {
  const adapt = (id: string, content: unknown): unknown =>
    id === POOL_SCOPE ? withFirstRoles(content as ScopeContent, principals) : content;
  return [
    { name: DEFINITIONS, absent: [] },
    { name: ASSIGNMENTS, absent: NOTHING, adapt },
  ];
}

/**
 * Roles as they are stored, and as they were seen last. Their documents are never removed and their revisions only grow, so one that is
 * gone, or older than what was seen, has been tampered with.
 */
export class RoleDocuments {
  readonly #documents: SealedDocuments;
  #custom: Document<readonly RoleDefinition[]> | undefined;
  #scopes: ReadonlyMap<Scope, Document<ScopeContent>> = new Map();

  constructor(documents: SealedDocuments) {
    this.#documents = documents;
  }

  get definitions(): readonly RoleDefinition[] {
    return this.#custom?.content ?? [];
  }

  at(scope: Scope): ScopeContent {
    return this.#scopes.get(scope)?.content ?? NOTHING;
  }

  get assignments(): readonly RoleAssignment[] {
    return [...this.#scopes.values()].flatMap(({ content }) => content.assignments);
  }

  /** Calls back when another server may have changed something. */
  onChanged(listener: () => void): void {
    for (const collection of [DEFINITIONS, ASSIGNMENTS]) this.#documents.onChanged(collection, listener);
  }

  /** @throws StrongroomError `StoreTampered`, `ServiceUnavailable`; what was seen before stays then */
  async readAll(): Promise<void> {
    const [custom, scopes] = await Promise.all([
      this.#documents.find<readonly RoleDefinition[]>(DEFINITIONS, CUSTOM),
      this.#documents.list<ScopeContent>(ASSIGNMENTS),
    ]);
    const found = new Map(scopes.map((each) => [each.id as Scope, each]));
    for (const [scope, seen] of this.#scopes) requireNoOlder(seen, found.get(scope));
    requireNoOlder(this.#custom, custom);
    this.#custom = custom;
    this.#scopes = found;
  }

  /** `plan` gives what is to be at the scope, by what is there. It may be asked several times, while others change the same. */
  changeScope(scope: Scope, plan: (content: ScopeContent) => ScopeContent): Promise<void> {
    return this.#change(async () => {
      const [custom, seen] = await Promise.all([
        this.#documents.find<readonly RoleDefinition[]>(DEFINITIONS, CUSTOM),
        this.#documents.find<ScopeContent>(ASSIGNMENTS, scope),
      ]);
      requireNoOlder(this.#custom, custom);
      this.#custom = custom;
      this.#remember(scope, seen);
      const before = this.at(scope);
      const content = plan(before);
      if (content === before) return;
      const put =
        seen === undefined
          ? await this.#documents.add(ASSIGNMENTS, scope, content)
          : await this.#documents.replace(ASSIGNMENTS, { ...seen, content });
      this.#remember(scope, put);
    });
  }

  changeDefinitions(plan: (definitions: readonly RoleDefinition[]) => readonly RoleDefinition[]): Promise<void> {
    return this.#change(async () => {
      await this.readAll();
      const content = plan(this.definitions);
      this.#custom =
        this.#custom === undefined
          ? await this.#documents.add(DEFINITIONS, CUSTOM, content)
          : await this.#documents.replace(DEFINITIONS, { ...this.#custom, content });
    });
  }

  #remember(scope: Scope, document: Document<ScopeContent> | undefined): void {
    requireNoOlder(this.#scopes.get(scope), document);
    if (document !== undefined) this.#scopes = new Map([...this.#scopes, [scope, document]]);
  }

  /** Where somebody else was first, it begins again. */
  async #change(attempt: () => Promise<void>): Promise<void> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await attempt();
      } catch (error) {
        const outdone = error instanceof StrongroomError && error.innerCode === 'DocumentChanged';
        if (!outdone || attempts === MOST_ATTEMPTS) throw error;
      }
    }
  }
}

function requireNoOlder(seen: Document<unknown> | undefined, found: Document<unknown> | undefined): void {
  if (seen === undefined || (found !== undefined && found.revision >= seen.revision)) return;
  throw storeTampered(new Error(`The roles ${seen.id} are older than what was seen of them, or gone`));
}
