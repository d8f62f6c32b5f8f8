import { existsSync } from 'node:fs';
import { type DataDirectory, dataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { type InspectedToken, inspectTokens as inspectModule } from '../pkcs11/provisioning.ts';
import { type KnownToken, knownTokens } from './prepare_tokens.ts';

/** What `doctor` asks of the parts that it may not reach for itself. */
export interface TokenInspection {
  /** What operators call it. */
  readonly name: string;
  readonly module: string;
  readonly label: string;
  /** `toBeMade`: the next start makes it. `unknown`: the module does not answer. */
  readonly state: 'found' | 'toBeMade' | 'missing' | 'locked' | 'onePinTryLeft' | 'unknown';
  /** As the token names itself. */
  readonly model?: string;
  /** What the module said in place of an answer. */
  readonly error?: unknown;
}

/** Looks for the tokens without logging in, all at once. @throws ConfigurationError */
export function inspectTokens(configuration: Configuration): Promise<readonly TokenInspection[]> {
  const files = dataDirectory(configuration.dataDir);
  return Promise.all(knownTokens(configuration, files).map((token, at) => inspect(token, at, files)));
}

async function inspect({ options, own }: KnownToken, at: number, files: DataDirectory): Promise<TokenInspection> {
  const { module, environment } = options;
  const { label } = options.token;
  const known = { name: options.name, module, label };
  const isOld = at === 0 && existsSync(files.store);
  if (own !== undefined && !isOld && !(await own.wasMade())) return { ...known, state: 'toBeMade' };
  const isIt = (each: InspectedToken): boolean => each.label === label;
  try {
    const token = (await inspectModule({ module, environment }, (tokens) => tokens.some(isIt))).find(isIt);
    if (token === undefined) return { ...known, state: 'missing' };
    return { ...known, state: stateOf(token.flags), model: token.model };
  } catch (error) {
    return { ...known, state: 'unknown', error };
  }
}

function stateOf(flags: readonly string[]): TokenInspection['state'] {
  if (flags.includes('CKF_USER_PIN_LOCKED')) return 'locked';
  return flags.includes('CKF_USER_PIN_FINAL_TRY') ? 'onePinTryLeft' : 'found';
}
