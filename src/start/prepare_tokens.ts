import type { DataDirectory } from '../config/data_directory.ts';
import type { Configuration } from '../config/settings.ts';
import { hasOwnTokens } from '../config/token_settings.ts';
import { MODULE_PARAMETERS_VARIABLE } from '../pkcs11/vendor_environment.ts';
import type { TokenOptions } from '../pool/pool_options.ts';
import { heldPin } from './held_pin.ts';
import { OwnToken } from './own_token.ts';

/** A token of the machine, without what it takes to log in to it. */
export interface KnownToken {
  readonly options: Omit<TokenOptions, 'pin' | 'token'> & { readonly name: string; readonly token: { label: string } };
  /** Absent for a token of the operator's: those are never initialised here. */
  readonly own: OwnToken | undefined;
  readonly pinFile: string | undefined;
  readonly pinVariable: string | undefined;
}

/** Which token, and how to make it when it is ours to make. */
export interface PreparedToken extends Pick<KnownToken, 'own'> {
  readonly options: KnownToken['options'] & Pick<TokenOptions, 'pin'>;
}

/** The tokens of the configuration; without any, SoftHSMs of our own in the data directory. Nothing is made. @throws ConfigurationError */
export function knownTokens(configuration: Configuration, files: DataDirectory): readonly KnownToken[] {
  const { hsm } = configuration;
  if (hasOwnTokens(configuration)) {
    const { profile, hosts, lanesPerHost } = hsm;
    return Array.from({ length: hsm.ownTokens }, (_, at) => {
      const own = new OwnToken(files, at + 1);
      const { module, label, environment, tokenDirectory: softHsmTokenDirectory, userPinFile: pinFile } = own;
      const beforeStart = (): Promise<void> => own.mendFile();
      const options = { name: label, module, token: { label }, environment, softHsmTokenDirectory, beforeStart };
      return { options: { ...options, profile, hosts, lanesPerHost }, own, pinFile, pinVariable: undefined };
    });
  }
  const named = hsm.tokens.length > 0 ? hsm.tokens : [{ ...hsm, name: hsm.tokenLabel }];
  return named.map((token) => {
    const { name, module, tokenLabel: label, pinFile, pinVariable, moduleParameters } = token;
    // The configuration is checked where it is read.
    if (name === undefined || module === undefined || label === undefined) throw new TypeError('A token is not named.');
    const environment: Record<string, string> =
      moduleParameters === undefined ? {} : { [MODULE_PARAMETERS_VARIABLE]: moduleParameters };
    const profile = token.profile ?? hsm.profile;
    const hosts = token.hosts ?? hsm.hosts;
    const lanesPerHost = token.lanesPerHost ?? hsm.lanesPerHost;
    const options = { name, module, token: { label }, environment, profile, hosts, lanesPerHost };
    return { options, own: undefined, pinFile, pinVariable };
  });
}

/** The same with their PINs, and with what those of our own want to find. */
export async function prepareTokens(
  configuration: Configuration,
  files: DataDirectory,
): Promise<readonly PreparedToken[]> {
  const known = knownTokens(configuration, files);
  await Promise.all(known.map(({ own }) => own?.writeConfiguration()));
  return known.map(({ options, own, pinFile, pinVariable }) => {
    const pin = pinFile === undefined ? heldPin(pinVariable ?? '') : { file: pinFile };
    return { options: { ...options, pin }, own };
  });
}
