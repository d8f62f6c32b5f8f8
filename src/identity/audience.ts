const RESOURCE = /^(https:\/\/[a-z0-9.-]+)(?::\d{1,5})?\/?$/;

/** The audience of Azure's own service: some clients ask for it whatever the challenge says (Azure API §4.6). */
const MANAGED_HSM_RESOURCE = 'https://managedhsm.azure.net';
const HTTPS_PORT = 443;

/**
 * The service as the built-in issuer knows it: what it gives access tokens for, and what they may then be meant for. The port is left out:
 * the same service behind another port (a forwarded one, say) announces another resource, and clients differ in whether they repeat it. One
 * trailing slash is left out for the same reason.
 */
export class Audiences {
  readonly #accepted: ReadonlySet<string>;

  /** `aliases` are other names of the service at that host, the port and the slash left out likewise. */
  constructor(host: string, aliases: readonly string[] = [MANAGED_HSM_RESOURCE]) {
    this.#accepted = new Set([`https://${host}`, ...aliases]);
  }

  includes(audience: string): boolean {
    return this.#accepted.has(RESOURCE.exec(audience)?.[1] ?? audience);
  }
}

/** The resources that the service announces at these ports, each exactly: another service of the same host is another audience. */
export function announcedResources(domain: string, ports: readonly number[]): readonly string[] {
  const atPorts = ports.filter((port) => port !== HTTPS_PORT).map((port) => `https://${domain}:${port}`);
  return [`https://${domain}`, ...new Set(atPorts), MANAGED_HSM_RESOURCE];
}
