import { loadConfiguration } from '../config/load_configuration.ts';
import type { Configuration } from '../config/settings.ts';

/** The options that name settings. */
export interface SettingOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly listen?: string;
  readonly domain?: string;
  readonly hsm?: string;
  readonly tokens?: string;
  /** False for --no-auto-activate. */
  readonly autoActivate?: boolean;
}

/** @throws ConfigurationError */
export function readSettings(options: SettingOptions): Configuration {
  return loadConfiguration({
    file: options.config,
    environment: process.env,
    flags: {
      dataDir: options.dataDir,
      listen: options.listen,
      domain: options.domain,
      'hsm.name': options.hsm,
      'hsm.ownTokens': options.tokens,
      'securityDomain.autoActivate': options.autoActivate === false ? 'false' : undefined,
    },
  });
}
