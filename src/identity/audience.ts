const RESOURCE = /^(https:\/\/[a-z0-9.-]+)(?::\d{1,5})?\/?$/;

/** The audience of Azure's own service: some clients ask for it whatever the challenge says (Azure API §4.6). */
const MANAGED_HSM_RESOURCE = 'https://managedhsm.azure.net';

/**
 * The resources that access tokens may be meant for. The port is left out: the same service behind another port (a forwarded one, say)
 * announces another resource, and clients differ in whether they repeat it. One trailing slash is left out for the same reason.
 */
export class Audiences {
  readonly #accepted: ReadonlySet<string>;

  constructor(domain: string) {
    this.#accepted = new Set([`https://${domain}`, MANAGED_HSM_RESOURCE]);
  }

  includes(audience: string): boolean {
    const resource = RESOURCE.exec(audience)?.[1];
    return resource !== undefined && this.#accepted.has(resource);
  }
}
