import { ConfigurationError } from '../../config/configuration_error.ts';
import type { Configuration } from '../../config/settings.ts';
import { inspectTokens, type TokenInspection } from '../../main.ts';
import { ServiceClient } from '../service_client.ts';
import { type GivenToken, tokenWork } from '../token_line.ts';
import { bad, doubtful, type Finding, good } from './finding.ts';

/** Whether the tokens are there, without logging in to them, and how a server that runs finds them. */
export async function checkTokens(configuration: Configuration): Promise<Finding[]> {
  try {
    const [inspected, given] = await Promise.all([inspectTokens(configuration), askServer(configuration)]);
    return inspected.flatMap((token) => [findingOf(token), ...stateOf(token.name, given)]);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ path, message }) => bad('token', message, `Set ${path}.`));
  }
}

/** The server of this data directory. Nothing when none runs, or it does not say: other checks tell of that. */
async function askServer({ dataDir }: Configuration): Promise<readonly GivenToken[]> {
  try {
    const client = await ServiceClient.open({ dataDir });
    return ((await client.askPool('GET', '/tokens')).json as { readonly tokens: readonly GivenToken[] }).tokens;
  } catch {
    return [];
  }
}

function stateOf(name: string, given: readonly GivenToken[]): Finding[] {
  const token = given.find((each) => each.name === name);
  if (token === undefined) return [];
  const work = tokenWork(token);
  const text = `${name} is ${token.state} in the server that runs${work === '' ? '' : ` (${work})`}`;
  if (token.state === 'suspended')
    return [doubtful('token', text, `It is asked again by itself; at once with: strongroom token resume ${name}`)];
  if (token.state === 'failed')
    return [bad('token', text, `Look at the log of the server, then: strongroom token resume ${name}`)];
  return [good('token', text)];
}

function findingOf({ name, state, module, label, model, error }: TokenInspection): Finding {
  const token = name === label ? `"${label}" of ${module}` : `${name}: "${label}" of ${module}`;
  switch (state) {
    case 'found':
      return good('token', `${token} is there (${model})`);
    case 'toBeMade':
      return good('token', `${token}: the next start makes it`);
    case 'onePinTryLeft':
      return doubtful(
        'token',
        `${token} locks itself with the next wrong PIN`,
        'Make sure of the PIN before the next start.',
      );
    case 'locked':
      return bad(
        'token',
        `${token} has locked its user PIN`,
        "Have the security officer set it anew with the vendor's tool.",
      );
    case 'unknown':
      return bad('token', `${token}: the module does not answer: ${reasonOf(error)}`, MODULE_REMEDY);
    default:
      return bad(
        'token',
        `${token} is not there`,
        'Check the label; for a token of the data directory, bring the directory back from a backup.',
      );
  }
}

const MODULE_REMEDY = 'Check the path of the module, and that the library loads (ldd shows what it lacks).';

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} ${error.cause.message}` : error.message;
}
