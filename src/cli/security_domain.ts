import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { ConfigurationError } from '../config/configuration_error.ts';
import { writePrivateFile } from '../config/private_file.ts';
import { type Custodian, custodianOf, readCertificate, thumbprintOf } from '../security_domain/custodian.ts';
import { newCustodianKey } from '../security_domain/custodian_key.ts';
import { type DomainFile, parseDomainFile } from '../security_domain/domain_format.ts';
import type { CustodianKey } from '../security_domain/security_domain.ts';
import { readSettings, type SettingOptions } from './read_settings.ts';

export interface CustodianKeyOptions {
  readonly name: string;
  readonly directory: string;
}

export interface DownloadOptions extends SettingOptions {
  readonly certificate: readonly string[];
  readonly quorum: string;
  readonly file: string;
}

export interface RecoverOptions extends SettingOptions {
  readonly file: string;
  readonly key: readonly string[];
}

export interface LockOptions extends SettingOptions {
  readonly yes?: boolean | undefined;
}

/** Step 1, by each custodian on a machine of their own: a key to keep, and a certificate to give away. */
export async function createCustodianKey({ name, directory }: CustodianKeyOptions): Promise<number> {
  if (!/^[0-9A-Za-z._-]{1,64}$/.test(name)) throw wrong('--name', 'expected 1 to 64 letters, digits, dots or hyphens.');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const paths = { key: join(directory, `${name}.key`), certificate: join(directory, `${name}.cer`) };
  const made = await newCustodianKey(name, new Date());
  await writeNew(paths.key, made.privateKey);
  await writeNew(paths.certificate, made.certificate);
  console.log(`${paths.certificate} is for whoever runs the download. Keep ${paths.key} where nobody else gets at it:`);
  console.log('with a quorum of such keys anybody can read every key of the pool.');
  return 0;
}

/** Step 2, on the machine of the tokens: the pool keys, for a quorum of these custodians. */
export async function downloadSecurityDomain(options: DownloadOptions): Promise<number> {
  const { certificate: paths, quorum, file } = options;
  const configuration = readSettings(options);
  const required = Number(quorum);
  if (!Number.isInteger(required)) throw wrong('--quorum', `expected a number, received ${quorum}.`);
  if (existsSync(file)) throw wrong('--file', `${file} is there already, and a security domain is never written over.`);
  const custodians: Custodian[] = [];
  for (const path of paths) custodians.push(custodianOf(await readCertificateFile(path), path));
  const { downloadDomain } = await import('../start/security_domain_ceremony.ts');
  const { domain, unseen } = await downloadDomain(configuration, custodians, required);
  await writeNew(file, JSON.stringify(domain));
  console.log(
    `${file} holds the security domain, for ${required} of ${custodians.length} custodians. Keep copies of it in several places.`,
  );
  console.log('Without it, or without a quorum, lost tokens take every key of the pool with them.');
  tellFailures(unseen, 'could not be looked at, so it is not known whether it has the same pool keys');
  console.log('When nobody else is to get one: strongroom security-domain lock');
  return 0;
}

/** Step 3, when all tokens were lost or another server is to join: on the machine of the new tokens. */
export async function recoverSecurityDomain(options: RecoverOptions): Promise<number> {
  const configuration = readSettings(options);
  const file = await readDomainFile(options.file);
  const keys = await readCustodianKeys(options.key);
  const [{ recoverDomain }, { storedSeal }] = await Promise.all([
    import('../start/security_domain_ceremony.ts'),
    import('../main.ts'),
  ]);
  const names = await recoverDomain(configuration, file, keys, storedSeal);
  if (names.length === 0) {
    console.log('Every token has the pool keys of the security domain already.');
    return 0;
  }
  console.log(
    `The pool keys of the security domain are in ${names.map((name) => `"${name}"`).join(', ')} now, locked.`,
  );
  console.log('Bring the store back, and start the server.');
  return 0;
}

/** Ends the ceremony. */
export async function lockSecurityDomain(options: LockOptions): Promise<number> {
  const configuration = readSettings(options);
  if (options.yes !== true) {
    console.error(
      'This cannot be undone: there will be no other download. Make sure of the file and of a quorum, then say --yes.',
    );
    return 1;
  }
  const { lockDomain } = await import('../start/security_domain_ceremony.ts');
  const failed = await lockDomain(configuration);
  tellFailures(failed, 'is not locked');
  if (failed.length > 0) {
    console.error('All others are. Do it again when these are there: it goes on with them.');
    return 1;
  }
  console.log('The pool keys are locked: nothing brings them out of a token any more.');
  return 0;
}

function tellFailures(tokens: readonly { readonly name: string; readonly error: unknown }[], what: string): void {
  for (const { name, error } of tokens) {
    console.error(`The token "${name}" ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export async function readDomainFile(path: string): Promise<DomainFile> {
  return parseDomainFile(await read('--file', path));
}

export async function readCustodianKeys(paths: readonly string[]): Promise<CustodianKey[]> {
  const keys: CustodianKey[] = [];
  for (const path of paths) keys.push(await readCustodianKey(path));
  return keys;
}

/** `NAME.key`, with the certificate in `NAME.cer` beside it, as Azure's command line has them. */
async function readCustodianKey(path: string): Promise<CustodianKey> {
  const { dir, name } = parse(path);
  const certificate = await readCertificateFile(join(dir, `${name}.cer`));
  const text = await read('--key', path);
  try {
    return { thumbprint: thumbprintOf(certificate), privateKey: createPrivateKey(text) };
  } catch (error) {
    const isLocked = (error as NodeJS.ErrnoException).code === 'ERR_MISSING_PASSPHRASE';
    const hint = isLocked ? 'has a password: take it off first (openssl pkey).' : 'is no private key in PEM.';
    throw wrong('--key', `${path} ${hint}`);
  }
}

async function readCertificateFile(path: string): Promise<X509Certificate> {
  return readCertificate(await read('--certificate', path), path);
}

async function read(option: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw wrong(option, `${path} cannot be read (${error.code}).`);
  });
}

/** On disk when it resolves, and never over one that is there. */
async function writeNew(path: string, content: string): Promise<void> {
  if (existsSync(path)) throw wrong(path, 'is there already, and is not written over.');
  await writePrivateFile(path, content).catch((error: NodeJS.ErrnoException) => {
    throw wrong(path, `cannot be written (${error.code}).`);
  });
}

function wrong(path: string, message: string): ConfigurationError {
  return new ConfigurationError([{ path, message }]);
}
