/** What a vendor library may need of our environment. Nothing else is inherited: a variable may hold a PIN. */
const INHERITED_VARIABLES = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'LD_LIBRARY_PATH', 'SOFTHSM2_CONF'] as const;

/** The environment of a process that loads a PKCS#11 module; `own` comes on top. */
export function vendorEnvironment(own: Readonly<Record<string, string>>): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return { ...environment, ...own };
}
