import { ConfigurationError } from '../config/configuration_error.ts';
import { StrongroomError } from '../model/errors.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';
import { readCustodianKeys, readDomainFile } from './security_domain.ts';
import { ServiceClient } from './service_client.ts';
import { ServiceRefusal } from './service_refusal.ts';
import type { GivenToken } from './token_line.ts';

export interface TokenAddOptions extends SettingOptions {
  readonly file?: string;
  readonly key?: readonly string[];
}

/** On the machine of the tokens: brings the pool keys into one that is configured, and has the server take it in if that runs. */
export async function addToken(options: TokenAddOptions, name: string): Promise<number> {
  const configuration = readSettings(options);
  const quorum = await readQuorum(options);
  const [{ joinToken }, { storedSeal }] = await Promise.all([
    import('../start/security_domain_ceremony.ts'),
    import('../main.ts'),
  ]);
  const isNew = await joinToken(configuration, name, quorum, storedSeal);
  console.log(isNew ? `${name} has the pool keys now, locked.` : `${name} has the pool keys already.`);
  console.log(await takeIn(options, name));
  return 0;
}

async function readQuorum({
  file,
  key = [],
}: TokenAddOptions): Promise<Parameters<typeof import('../start/security_domain_ceremony.ts').joinToken>[2]> {
  if (file === undefined && key.length === 0) return undefined;
  if (file === undefined || key.length === 0) {
    const [path, message] = file === undefined ? ['--file', 'the security domain'] : ['--key', 'keys of custodians'];
    throw new ConfigurationError([{ path, message: `Expected ${message} as well.` }]);
  }
  return { file: await readDomainFile(file), keys: await readCustodianKeys(key) };
}

/** What becomes of it in the server. The token has its keys, whatever that says. */
async function takeIn(options: SettingOptions, name: string): Promise<string> {
  try {
    const client = await ServiceClient.open(options);
    const { state } = (await client.askPool('PUT', `/tokens/${encodeURIComponent(name)}`)).json as GivenToken;
    return state === 'healthy' ? `The server has taken ${name} in.` : `The server knows ${name}, which is ${state}.`;
  } catch (error) {
    if (error instanceof ServiceRefusal && error.status === 404) {
      return `The server was started before ${name} was configured, and takes it in with its next start.`;
    }
    const isAway = error instanceof StrongroomError || error instanceof ConfigurationError;
    if (isAway) return `No server could be asked: one takes ${name} in when it is started.`;
    if (!(error instanceof ServiceRefusal)) throw error;
    return `The server does not take ${name} in now (${error.message}), and does with its next start.`;
  }
}
