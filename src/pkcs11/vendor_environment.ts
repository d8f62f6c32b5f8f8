/** What a vendor library may need of our environment. Nothing else is inherited: a variable may hold a PIN. */
const INHERITED_VARIABLES = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'LD_LIBRARY_PATH', 'SOFTHSM2_CONF'] as const;

/**
 * What C_Initialize is given in `pReserved`, for modules that learn from there what others read in a file of theirs (NSS). Read by
 * native/module.cc, and by whoever sets up tokens.
 */
export const MODULE_PARAMETERS_VARIABLE = 'STRONGROOM_MODULE_PARAMETERS';

/** The environment of a process that loads a PKCS#11 module; `own` comes on top. */
export function vendorEnvironment(own: Readonly<Record<string, string>>): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...own };
}
