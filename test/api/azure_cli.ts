import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PYTHON } from '../fixtures/debian_python.ts';
import { plainEnvironment, type RunningServer } from './running_server.ts';

const PROGRAM = new URL('azure_cli.py', import.meta.url).pathname;
const CLOUD = 'Strongroom';

/** Azure's command line, signed in to a server as a person does by docs/identity.md, with a directory of its own for its settings and files. */
export class AzureCli {
  readonly directory = mkdtempSync(join(tmpdir(), 'strongroom-az-'));
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(server: RunningServer) {
    this.#environment = {
      ...plainEnvironment(),
      ...server.environment,
      AZURE_CONFIG_DIR: join(this.directory, 'settings'),
      AZURE_CORE_COLLECT_TELEMETRY: '0',
    };
  }

  static async signIn(server: RunningServer): Promise<AzureCli> {
    const cli = new AzureCli(server);
    try {
      const { AZURE_CLIENT_ID: id = '', AZURE_CLIENT_SECRET: secret = '' } = server.environment;
      await cli.run('cloud', 'register', '--name', CLOUD, '--cloud-config', `@${cli.#cloudFile(server)}`);
      await cli.run('cloud', 'set', '--name', CLOUD);
      cli.write('secret', secret);
      const who = ['--username', id, '--password', '@secret', '--tenant', await tenantOf(server)];
      await cli.run('login', '--service-principal', ...who, '--allow-no-subscriptions');
      return cli;
    } catch (error) {
      cli.remove();
      throw error;
    }
  }

  /** Paths are those of its directory. The answer is what it prints, as JSON; it may be nothing. */
  async run(...words: readonly string[]): Promise<unknown> {
    const options = { cwd: this.directory, env: this.#environment };
    const { stdout } = await promisify(execFile)(PYTHON, [PROGRAM, ...words, '--output', 'json'], options);
    return stdout.trim() === '' ? undefined : JSON.parse(stdout);
  }

  /** A command about keys or the HSM. */
  hsm(command: string, ...words: readonly string[]): Promise<unknown> {
    return this.run('keyvault', ...command.split(' '), '--hsm-name', 'demo', ...words);
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text, { mode: 0o600 });
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #cloudFile({ port, environment }: RunningServer): string {
    const login = `${environment.AZURE_AUTHORITY_HOST}`;
    const endpoints = {
      activeDirectory: `${login}/adfs`,
      activeDirectoryResourceId: 'https://managedhsm.azure.net',
      activeDirectoryGraphResourceId: login,
      microsoftGraphResourceId: login,
      management: login,
      resourceManager: login,
    };
    const suffixes = { mhsmDns: `.managedhsm.localhost:${port}`, keyvaultDns: `.vault.localhost:${port}` };
    this.write('cloud.json', JSON.stringify({ endpoints, suffixes }));
    return join(this.directory, 'cloud.json');
  }
}

async function tenantOf(server: RunningServer): Promise<string> {
  const url = `${server.environment.AZURE_AUTHORITY_HOST}/adfs/.well-known/openid-configuration`;
  const { json } = await server.exchange(url, 'GET', {});
  return new URL(String(json.issuer)).pathname.replaceAll('/', '');
}
