import { ConfigurationError } from '../config/configuration_error.ts';
import { parseScope, type Scope } from '../model/scope.ts';
import type { SettingOptions } from './read_settings.ts';
import { ServiceClient } from './service_client.ts';

export interface ScopeOptions extends SettingOptions {
  readonly scope?: string | undefined;
}

/** A role definition as the server gives it. */
export interface GivenRole {
  readonly id: string;
  readonly name: string;
  readonly properties: { readonly roleName: string; readonly description?: string; readonly type: string };
}

export interface GivenAssignment {
  readonly name: string;
  readonly properties: { readonly scope: string; readonly roleDefinitionId: string; readonly principalId: string };
}

const DEFINITIONS = '/providers/Microsoft.Authorization/roleDefinitions';
const ASSIGNMENTS = '/providers/Microsoft.Authorization/roleAssignments';

/** What the verbs of `strongroom access` ask a server, at one scope. */
export class AccessClient {
  readonly scope: Scope;
  readonly #client: ServiceClient;
  readonly #prefix: string;

  private constructor(client: ServiceClient, scope: Scope) {
    this.#client = client;
    this.scope = scope;
    this.#prefix = scope === '/' ? '' : scope;
  }

  /** @throws ConfigurationError */
  static async open(options: ScopeOptions): Promise<AccessClient> {
    return new AccessClient(await ServiceClient.open(options), readScope(options.scope ?? '/'));
  }

  async roles(): Promise<readonly GivenRole[]> {
    const { json } = await this.#client.askPool('GET', this.#prefix + DEFINITIONS);
    return (json as { value: GivenRole[] }).value;
  }

  /** The role that is meant by a name or a GUID. @throws ConfigurationError */
  async role(named: string): Promise<GivenRole> {
    const wanted = named.toLowerCase();
    const found = (await this.roles()).filter(
      ({ name, properties }) => name === wanted || properties.roleName.toLowerCase() === wanted,
    );
    const [role, other] = found;
    if (role === undefined) throw wrong('--role', `There is no role ${JSON.stringify(named)}.`);
    if (other === undefined) return role;
    throw wrong('--role', `There are several roles ${JSON.stringify(named)}: name one by its GUID.`);
  }

  async assignments(filter: string | undefined): Promise<readonly GivenAssignment[]> {
    const query = filter === undefined ? '' : `?${new URLSearchParams({ $filter: filter })}`;
    const { json } = await this.#client.askPool('GET', `${this.#prefix}${ASSIGNMENTS}${query}`);
    return (json as { value: GivenAssignment[] }).value;
  }

  async assign(id: string, { id: roleDefinitionId }: GivenRole, principalId: string): Promise<void> {
    const body = { properties: { roleDefinitionId, principalId } };
    await this.#client.askPool('PUT', `${this.#prefix}${ASSIGNMENTS}/${id}`, body);
  }

  async revoke(id: string): Promise<void> {
    await this.#client.askPool('DELETE', `${this.#prefix}${ASSIGNMENTS}/${id}`);
  }

  async explain(question: object): Promise<unknown> {
    return (await this.#client.askPool('POST', '/access/explain', question)).json;
  }
}

function readScope(text: string): Scope {
  const scope = parseScope(text);
  if (scope === undefined) throw wrong('--scope', `Expected /, /keys or /keys/NAME, received ${JSON.stringify(text)}.`);
  return scope;
}

export function wrong(path: string, message: string): ConfigurationError {
  return new ConfigurationError([{ path, message }]);
}
