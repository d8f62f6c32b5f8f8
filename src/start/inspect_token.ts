import { existsSync } from 'node:fs';
import { dataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { type InspectedToken, inspectTokens } from '../pkcs11/provisioning.ts';
import { OWN_LABEL, operatorsEnvironment, ownTokenFiles, softHsmModule } from './prepare_token.ts';

/** What `doctor` asks of the parts that it may not reach for itself. */
export interface TokenInspection {
  readonly module: string;
  readonly label: string;
  /** `toBeMade`: the first start makes it. */
  readonly state: 'found' | 'toBeMade' | 'missing' | 'locked' | 'onePinTryLeft';
  /** As the token names itself. */
  readonly model: string | undefined;
}

/** Looks for the token without logging in. Rejects when the module cannot be loaded. */
export async function inspectToken(configuration: Configuration): Promise<TokenInspection> {
  const { hsm } = configuration;
  const files = dataDirectory(configuration.dataDir);
  const own = hsm.module === undefined;
  const module = hsm.module ?? softHsmModule();
  const label = hsm.tokenLabel ?? OWN_LABEL;
  if (own && !existsSync(files.store)) return { module, label, state: 'toBeMade', model: undefined };
  const environment = own ? { SOFTHSM2_CONF: ownTokenFiles(files).configuration } : operatorsEnvironment(hsm);
  const isIt = (each: InspectedToken): boolean => each.label === label;
  const token = (await inspectTokens({ module, environment }, (tokens) => tokens.some(isIt))).find(isIt);
  if (token === undefined) return { module, label, state: 'missing', model: undefined };
  return { module, label, state: stateOf(token.flags), model: token.model };
}

function stateOf(flags: readonly string[]): TokenInspection['state'] {
  if (flags.includes('CKF_USER_PIN_LOCKED')) return 'locked';
  return flags.includes('CKF_USER_PIN_FINAL_TRY') ? 'onePinTryLeft' : 'found';
}
