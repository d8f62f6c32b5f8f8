import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { ConfigurationError } from '../config/configuration_error.ts';
import { readPrivateFile, writePrivateFile } from '../config/private_file.ts';
import type { IssuedCertificate } from '../server/tls/local_authority.ts';
import type { TlsIdentity } from '../server/tls/tls_options.ts';

export interface OpenedTls {
  readonly identity: TlsIdentity;
  /** Files for clients to trust; absent where the operator brought the certificate. */
  readonly trust: TrustFiles | undefined;
}

export interface TrustFiles {
  /** The local authority alone. */
  readonly authority: string;
  /** The system's authorities and the local one, for what takes one list in place of the system's. */
  readonly bundle: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const RENEWED_BEFORE_MS = 30 * DAY_MS;
const AUTHORITY_NAME = 'Strongroom local authority';
const SYSTEM_BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem'];

/** The operator's certificate and key. @throws ConfigurationError when they cannot be read or do not belong together. */
export async function readOwnTls(certificatePath: string, keyPath: string): Promise<OpenedTls> {
  const certificate = await readConfigured('tls.certificate', certificatePath);
  const key = await readConfigured('tls.key', keyPath);
  try {
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) throw new Error('another key');
  } catch {
    const message = `${keyPath} is not the private key of the first certificate in ${certificatePath}.`;
    throw new ConfigurationError([{ path: 'tls.key', message }]);
  }
  return { identity: { certificate, key }, trust: undefined };
}

/**
 * A certificate of the local authority for these names: the one that is kept, as long as it is good for another month and for the same
 * names; else a new one. The authority knows the names it may speak for, so other names need another authority.
 */
export async function openLocalTls(directory: string, names: readonly string[], now: Date): Promise<OpenedTls> {
  const trust = { authority: join(directory, 'authority.pem'), bundle: join(directory, 'bundle.pem') };
  const authorityKeyPath = join(directory, 'authority_key.pem');
  const serverPath = join(directory, 'server.pem');
  const [authority, authorityKey, server] = await Promise.all(
    [trust.authority, authorityKeyPath, serverPath].map((path) => readPrivateFile(path)),
  );
  const kept = server === undefined ? undefined : splitPem(server);
  if (kept !== undefined && authority !== undefined && isGood(kept.certificate, names, authority, now)) {
    await writeBundle(trust, authority);
    return { identity: kept, trust };
  }
  // The certificate library takes a while to load, and is needed once a year.
  const { newAuthority, issueServerCertificate } = await import('../server/tls/local_authority.ts');
  let issuer: IssuedCertificate | undefined;
  if (
    authority !== undefined &&
    authorityKey !== undefined &&
    kept !== undefined &&
    hasNames(kept.certificate, names)
  ) {
    issuer = isUsable(authority, authorityKey, now) ? { certificate: authority, key: authorityKey } : undefined;
  }
  if (issuer === undefined) {
    issuer = await newAuthority(AUTHORITY_NAME, names, now);
    await writePrivateFile(authorityKeyPath, issuer.key);
    await writePrivateFile(trust.authority, issuer.certificate);
  }
  const identity = await issueServerCertificate(issuer, names, now);
  await writePrivateFile(serverPath, `${identity.certificate}${identity.key}`);
  await writeBundle(trust, issuer.certificate);
  return { identity, trust };
}

function isGood(certificate: string, names: readonly string[], authority: string, now: Date): boolean {
  const leaf = new X509Certificate(certificate);
  return hasNames(certificate, names) && isCurrent(leaf, now) && leaf.verify(new X509Certificate(authority).publicKey);
}

function isUsable(authority: string, key: string, now: Date): boolean {
  const certificate = new X509Certificate(authority);
  return isCurrent(certificate, now) && certificate.checkPrivateKey(createPrivateKey(key));
}

function isCurrent(certificate: X509Certificate, now: Date): boolean {
  const from = Date.parse(certificate.validFrom);
  const to = Date.parse(certificate.validTo);
  return from <= now.getTime() && now.getTime() < to - RENEWED_BEFORE_MS;
}

function hasNames(certificate: string, names: readonly string[]): boolean {
  const written = new X509Certificate(certificate).subjectAltName ?? '';
  const found = written
    .split(', ')
    .map((name) => name.replace(/^(?:DNS|IP Address):/, '').replace('0:0:0:0:0:0:0:1', '::1'));
  return found.length === names.length && names.every((name) => found.includes(name));
}

function splitPem(text: string): TlsIdentity | undefined {
  const at = text.indexOf('-----BEGIN PRIVATE KEY-----');
  return at <= 0 ? undefined : { certificate: text.slice(0, at), key: text.slice(at) };
}

async function writeBundle({ bundle }: TrustFiles, authority: string): Promise<void> {
  const text = `${await systemAuthorities()}\n${authority}`;
  if ((await readPrivateFile(bundle)) !== text) await writePrivateFile(bundle, text);
}

async function systemAuthorities(): Promise<string> {
  for (const path of SYSTEM_BUNDLES) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text.trimEnd();
  }
  return rootCertificates.join('\n');
}

/** Who vouches for clients. @throws ConfigurationError when the file cannot be read, or does not begin with a certificate */
export async function readClientAuthorities(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const pem = await readConfigured('tls.clientAuthorities', path);
  try {
    new X509Certificate(pem);
  } catch {
    const message = `${path} does not begin with a certificate in PEM.`;
    throw new ConfigurationError([{ path: 'tls.clientAuthorities', message }]);
  }
  return pem;
}

async function readConfigured(setting: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigurationError([{ path: setting, message: `${path} cannot be read (${error.code}).` }]);
  });
}
