import { AttestationAuthorities } from '../attestation/attestation_authorities.ts';
import { AuthoritiesFileError } from '../attestation/authorities_file.ts';
import { ConfigurationError } from '../config/configuration_error.ts';
import type { Configuration } from '../config/settings.ts';

/** @throws ConfigurationError when the file of the authorities is not as it has to be */
export async function openAttestations({ release }: Configuration): Promise<AttestationAuthorities> {
  try {
    return await AttestationAuthorities.open(release.authoritiesFile);
  } catch (error) {
    if (!(error instanceof AuthoritiesFileError)) throw error;
    throw new ConfigurationError([{ path: 'release.authoritiesFile', message: error.message }]);
  }
}
