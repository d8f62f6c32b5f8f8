import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseIpAddress } from '../model/ip_address.ts';
import { ConfigurationError, type ConfigurationProblem } from './configuration_error.ts';
import { listenerOverlaps } from './listener_overlaps.ts';
import { SETTING, SETTING_LIST, type Setting, type SettingList } from './setting.ts';
import { type Configuration, SETTINGS } from './settings.ts';
import { tokenContradictions } from './token_settings.ts';

export interface ConfigurationSources {
  /** A JSON file; relative paths in it start from its own directory. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By path in dots, as the command line gave them. They win over the environment, which wins over the file. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
}

const LARGEST_FILE_BYTES = 1024 * 1024;

/** @throws ConfigurationError with every problem there is, never the first alone. */
export function loadConfiguration(sources: ConfigurationSources): Configuration {
  const problems: ConfigurationProblem[] = [];
  const file = sources.file === undefined ? {} : readFile(sources.file, problems);
  const base = sources.file === undefined ? process.cwd() : dirname(resolve(sources.file));

  const valueAt = (path: string, setting: Setting<unknown>, inFile: unknown): unknown => {
    const name = environmentName(path);
    const flag = sources.flags?.[path];
    const variable = sources.environment[name];
    const given = flag ?? variable ?? inFile;
    if (given === undefined) return setting.fallback;
    const fromText = flag !== undefined || variable !== undefined;
    const value = setting.take(given, fromText);
    if (value === undefined) {
      const source = flag === undefined && variable !== undefined ? ` (from ${name})` : '';
      const received = setting.isNotShown === true ? 'something else' : shown(given);
      problems.push({ path, message: `Expected ${setting.expected}, received ${received}${source}.` });
    }
    return setting.isPath && typeof value === 'string' ? resolve(fromText ? '.' : base, value) : value;
  };

  const requireFile = (path: string): void => {
    const name = environmentName(path);
    if (sources.environment[name] === undefined) return;
    problems.push({
      path,
      message: `Expected it in the file, which alone can hold a list of objects (not in ${name}).`,
    });
  };

  const configuration = collect(SETTINGS, file, '', { valueAt, requireFile, problems }) as Configuration;
  const known = new Set(problems.map(({ path }) => path));
  const further = [
    ...contradictions(configuration),
    ...tokenContradictions(configuration),
    ...listenerOverlaps(configuration),
  ];
  problems.push(...further.filter(({ path }) => !known.has(path)));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return configuration;
}

/** `hsm.pinFile` is STRONGROOM_HSM_PIN_FILE. */
export function environmentName(path: string): string {
  return `STRONGROOM_${path.replaceAll('.', '_').replace(/[A-Z]/g, '_$&').toUpperCase()}`;
}

interface Branch {
  readonly [name: string]: Entry;
}

type Entry = Branch | Setting<unknown> | SettingList<Branch>;

interface Reading {
  readonly valueAt: (path: string, setting: Setting<unknown>, inFile: unknown) => unknown;
  /** Notes a problem where something other than the file names it. */
  readonly requireFile: (path: string) => void;
  readonly problems: ConfigurationProblem[];
}

function collect(branch: Branch, file: unknown, prefix: string, reading: Reading): unknown {
  const members = memberMap(file, prefix, reading.problems);
  const collected: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(branch)) {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const inFile = members.get(name);
    members.delete(name);
    if (isSetting(entry)) collected[name] = reading.valueAt(path, entry, inFile);
    else if (isList(entry)) collected[name] = collectList(entry, inFile, path, reading);
    else collected[name] = collect(entry, inFile ?? {}, path, reading);
  }
  for (const name of members.keys()) {
    reading.problems.push({ path: prefix === '' ? name : `${prefix}.${name}`, message: 'There is no such setting.' });
  }
  return Object.freeze(collected);
}

function collectList(
  { entry, most }: SettingList<Branch>,
  inFile: unknown,
  path: string,
  reading: Reading,
): readonly unknown[] {
  reading.requireFile(path);
  if (inFile === undefined) return Object.freeze([]);
  if (!Array.isArray(inFile) || inFile.length < 1 || inFile.length > most) {
    const received = Array.isArray(inFile) ? `${inFile.length} of them` : shown(inFile);
    reading.problems.push({ path, message: `Expected a list of 1 to ${most} objects, received ${received}.` });
    return Object.freeze([]);
  }
  return Object.freeze(inFile.map((each, at) => collect(entry, each, `${path}[${at}]`, reading)));
}

function isSetting(entry: Entry): entry is Setting<unknown> {
  return 'kind' in entry && entry.kind === SETTING;
}

function isList(entry: Entry): entry is SettingList<Branch> {
  return 'kind' in entry && entry.kind === SETTING_LIST;
}

function memberMap(value: unknown, path: string, problems: ConfigurationProblem[]): Map<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return new Map(Object.entries(value));
  problems.push({ path: path === '' ? 'file' : path, message: `Expected an object, received ${shown(value)}.` });
  return new Map();
}

function readFile(file: string, problems: ConfigurationProblem[]): unknown {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > LARGEST_FILE_BYTES) throw new RangeError(`more than ${LARGEST_FILE_BYTES} bytes`);
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'is not JSON' : `cannot be read (${reasonOf(error)})`;
    problems.push({ path: 'file', message: `${file} ${reason}.` });
    return {};
  }
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}

/** What no single setting can tell. A value that was refused already is `undefined` here and counts as not given. */
function contradictions(configuration: Configuration): ConfigurationProblem[] {
  const { tls, store, identity, network } = configuration;
  const problems: ConfigurationProblem[] = [];
  const need = (path: string, message: string) => problems.push({ path, message });
  if (tls.certificate !== undefined && tls.key === undefined)
    need('tls.key', 'Expected a path, because tls.certificate is set.');
  if (tls.key !== undefined && tls.certificate === undefined)
    need('tls.certificate', 'Expected a path, because tls.key is set.');
  if (identity.embedded === false && identity.issuersFile === undefined) {
    need('identity.issuersFile', 'Expected a path, because identity.embedded is false: nobody would be believed.');
  }
  if (isGiven(network.proxyListen) && !isGiven(network.trustedProxies))
    need('network.trustedProxies', 'Expected the addresses of proxies, because network.proxyListen is set.');
  if (isGiven(network.trustedProxies) && !isGiven(network.proxyListen))
    need('network.proxyListen', 'Expected HOST:PORT, because network.trustedProxies is set.');
  if (identity.managedIdentityListen?.some(({ host }) => !isOfThisMachine(host))) {
    need(
      'identity.managedIdentityListen',
      'Expected addresses that nobody reaches from elsewhere: localhost, 127.0.0.0/8, [::1] or 169.254.0.0/16.',
    );
  }
  const gives = (identity.managedIdentityListen?.length ?? 0) > 0;
  if (gives && identity.managedIdentitiesFile === undefined) {
    need('identity.managedIdentitiesFile', 'Expected a path, because identity.managedIdentityListen is set.');
  }
  if (!gives && identity.managedIdentitiesFile !== undefined) {
    need('identity.managedIdentityListen', 'Expected an address, because identity.managedIdentitiesFile is set.');
  }
  if (gives && identity.embedded === false) {
    need('identity.embedded', 'Expected true, because identity.managedIdentityListen is set: it gives the tokens.');
  }
  if (store.passwordFile !== undefined && store.url === undefined) {
    need('store.url', 'Expected the address of a database, because store.passwordFile is set.');
  }
  return problems;
}

function isGiven(list: readonly unknown[] | undefined): boolean {
  return list !== undefined && list.length > 0;
}

/** Loopback, or of one link alone (RFC 3927), as Azure's machines have it. */
function isOfThisMachine(host: string): boolean {
  const address = parseIpAddress(host)?.text;
  return address === '::1' || /^(?:127\.|169\.254\.)/.test(address ?? '');
}

const SHOWN_CHARACTERS = 60;

function shown(value: unknown): string {
  const written = JSON.stringify(value) ?? 'nothing';
  return written.length > SHOWN_CHARACTERS ? `${written.slice(0, SHOWN_CHARACTERS)}…` : written;
}
