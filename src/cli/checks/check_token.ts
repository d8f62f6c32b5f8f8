import { ConfigurationError } from '../../config/configuration_error.ts';
import type { Configuration } from '../../config/settings.ts';
import { inspectToken, type TokenInspection } from '../../main.ts';
import { bad, doubtful, type Finding, good } from './finding.ts';

/** Whether the token is there, without logging in to it. */
export async function checkToken(configuration: Configuration): Promise<Finding[]> {
  try {
    return [findingOf(await inspectToken(configuration))];
  } catch (error) {
    if (error instanceof ConfigurationError)
      return error.problems.map(({ path, message }) => bad('token', message, `Set ${path}.`));
    const detail = error instanceof Error && error.cause instanceof Error ? ` ${error.cause.message}` : '';
    const text = `the module does not answer: ${error instanceof Error ? error.message : String(error)}${detail}`;
    return [bad('token', text, 'Check hsm.module, and that the library loads (ldd shows what it lacks).')];
  }
}

function findingOf({ state, module, label, model }: TokenInspection): Finding {
  const name = `"${label}" of ${module}`;
  switch (state) {
    case 'found':
      return good('token', `${name} is there (${model})`);
    case 'toBeMade':
      return good('token', `${module} is there; the first start makes a token in it`);
    case 'onePinTryLeft':
      return doubtful(
        'token',
        `${name} locks itself with the next wrong PIN`,
        'Make sure of the PIN before the next start.',
      );
    case 'locked':
      return bad(
        'token',
        `${name} has locked its user PIN`,
        "Have the security officer set it anew with the vendor's tool.",
      );
    default:
      return bad(
        'token',
        `${name} is not there`,
        'Check hsm.tokenLabel; for a token of the data directory, bring the directory back from a backup.',
      );
  }
}
