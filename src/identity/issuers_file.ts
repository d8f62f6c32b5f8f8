import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isKeySet } from '../openid/published_keys.ts';
import type { ClaimMapping } from './claim_reader.ts';
import { type ConfiguredIssuer, type FederatedIssuer, issuerNames, type KeySource } from './configured_issuer.ts';
import { ISSUER_ALGORITHMS } from './issuer.ts';

/** What of the file is not as it has to be. */
export class IssuersFileError extends Error {
  override readonly name = 'IssuersFileError';
}

export type ListedIssuer = ConfiguredIssuer | FederatedIssuer;

type Members = Readonly<Record<string, unknown>>;

const MOST_ISSUERS = 16;
const MOST_AUDIENCES = 16;
const METADATA_PATH = '.well-known/openid-configuration';
const ENTRA_AUTHORITY = 'https://login.microsoftonline.com';
/** The one that Entra signs with. */
const ENTRA_ALGORITHMS = ['RS256'];
const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SHARED_MEMBERS = ['kind', 'algorithms', 'audiences', 'metadata', 'caFile', 'keysFile'];
const ENTRA_MEMBERS: ReadonlySet<string> = new Set([...SHARED_MEMBERS, 'tenant', 'authority']);
const OPENID_MEMBERS: ReadonlySet<string> = new Set([...SHARED_MEMBERS, 'issuer', 'claims', 'objectIds']);
const FEDERATED_MEMBERS: ReadonlySet<string> = new Set(
  [...SHARED_MEMBERS, 'issuer'].filter((name) => name !== 'audiences'),
);
const CLAIM_MEMBERS: ReadonlySet<string> = new Set(['subject', 'groups', 'application', 'name']);

/** The issuers that are believed in one way or the other (docs/identity.md). Paths in it are relative to the file. @throws IssuersFileError */
export async function readIssuersFile(path: string): Promise<readonly ListedIssuer[]> {
  const top = requireObject(parse(await read(path), path), path, new Set(['issuers']));
  const { issuers } = top;
  if (!Array.isArray(issuers) || issuers.length === 0 || issuers.length > MOST_ISSUERS) {
    throw new IssuersFileError(`${path}: expected a list of 1 to ${MOST_ISSUERS} for issuers.`);
  }
  const configured = await Promise.all(
    issuers.map((each, index) => readIssuer(each, `${path}: issuers[${index}]`, dirname(path))),
  );
  const names = configured.flatMap(issuerNames);
  if (new Set(names).size < names.length) throw new IssuersFileError(`${path} has an issuer twice.`);
  return configured;
}

function readIssuer(value: unknown, place: string, directory: string): Promise<ListedIssuer> {
  const { kind } = requireObject(value, place);
  if (kind === 'entra') return readEntra(requireObject(value, place, ENTRA_MEMBERS), place, directory);
  if (kind === 'openid') return readOpenId(requireObject(value, place, OPENID_MEMBERS), place, directory);
  if (kind === 'federated') return readFederated(requireObject(value, place, FEDERATED_MEMBERS), place, directory);
  throw new IssuersFileError(`${place}: expected entra, openid or federated for kind.`);
}

async function readEntra(members: Members, place: string, directory: string): Promise<ConfiguredIssuer> {
  const { tenant, authority = ENTRA_AUTHORITY } = members;
  if (typeof tenant !== 'string' || !GUID.test(tenant)) {
    throw new IssuersFileError(`${place}: expected a GUID in lower case for tenant.`);
  }
  if (typeof authority !== 'string' || !isHttps(authority) || new URL(authority).origin !== authority) {
    throw new IssuersFileError(`${place}: expected https://HOST without a slash at the end for authority.`);
  }
  return {
    kind: 'entra',
    tenant,
    authority,
    algorithms: readAlgorithms(members.algorithms ?? ENTRA_ALGORITHMS, place),
    audiences: readAudiences(members.audiences, place),
    keys: await readKeys(members, `${authority}/${tenant}/v2.0`, place, directory),
  };
}

async function readFederated(members: Members, place: string, directory: string): Promise<FederatedIssuer> {
  const issuer = readIssuerName(members, place);
  const algorithms = readAlgorithms(members.algorithms, place);
  return { kind: 'federated', issuer, algorithms, keys: await readKeys(members, issuer, place, directory) };
}

function readIssuerName({ issuer }: Members, place: string): string {
  if (typeof issuer === 'string' && isHttps(issuer)) return issuer;
  throw new IssuersFileError(`${place}: expected an https URL for issuer.`);
}

async function readOpenId(members: Members, place: string, directory: string): Promise<ConfiguredIssuer> {
  const issuer = readIssuerName(members, place);
  return {
    kind: 'openid',
    issuer,
    algorithms: readAlgorithms(members.algorithms, place),
    audiences: readAudiences(members.audiences, place),
    keys: await readKeys(members, issuer, place, directory),
    claims: readClaims(members, place),
  };
}

function readClaims({ claims = {}, objectIds = 'derived' }: Members, place: string): ClaimMapping {
  const given = requireObject(claims, `${place}.claims`, CLAIM_MEMBERS);
  const named = (member: string): string | undefined => {
    const name = given[member];
    if (name === undefined || (typeof name === 'string' && name !== '')) return name;
    throw new IssuersFileError(`${place}.claims: expected the name of a claim for ${member}.`);
  };
  if (objectIds !== 'derived' && objectIds !== 'claimed') {
    throw new IssuersFileError(`${place}: expected derived or claimed for objectIds.`);
  }
  const [groups, application, name] = ['groups', 'application', 'name'].map(named);
  return { subject: named('subject') ?? 'sub', groups, application, name, objectIds };
}

function readAlgorithms(value: unknown, place: string): readonly string[] {
  const known = Array.isArray(value) && value.length > 0 && value.every((each) => ISSUER_ALGORITHMS.has(each));
  if (known) return value as string[];
  throw new IssuersFileError(`${place}: expected algorithms out of ${[...ISSUER_ALGORITHMS].join(', ')}.`);
}

function readAudiences(value: unknown, place: string): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const isList = Array.isArray(value) && value.length > 0 && value.length <= MOST_AUDIENCES;
  if (isList && value.every((each) => typeof each === 'string' && each !== '')) return value as string[];
  throw new IssuersFileError(`${place}: expected a list of 1 to ${MOST_AUDIENCES} texts for audiences.`);
}

async function readKeys(members: Members, issuer: string, place: string, directory: string): Promise<KeySource> {
  const { keysFile, caFile, metadata } = members;
  if (keysFile === undefined) {
    const address = metadata ?? `${issuer.endsWith('/') ? issuer : `${issuer}/`}${METADATA_PATH}`;
    if (typeof address !== 'string' || !isHttps(address)) {
      throw new IssuersFileError(`${place}: expected an https URL for metadata.`);
    }
    const certificateAuthorities =
      caFile === undefined ? undefined : await read(resolve(directory, requirePath(caFile, `${place}.caFile`)));
    return { kind: 'published', metadata: new URL(address), certificateAuthorities };
  }
  if (metadata !== undefined || caFile !== undefined) {
    throw new IssuersFileError(`${place}: keysFile stands without metadata and caFile.`);
  }
  const path = resolve(directory, requirePath(keysFile, `${place}.keysFile`));
  const keySet = parse(await read(path), path);
  if (!isKeySet(keySet)) throw new IssuersFileError(`${path} is no JSON Web Key Set with a key in it.`);
  return { kind: 'pinned', keySet };
}

function isHttps(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'https:';
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new IssuersFileError(`${path} cannot be read (${error.code}).`);
  });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new IssuersFileError(`${path} is no JSON.`);
  }
}

function requireObject(value: unknown, place: string, allowed?: ReadonlySet<string>): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new IssuersFileError(`${place}: expected an object.`);
  }
  const unknown = allowed === undefined ? undefined : Object.keys(value).find((name) => !allowed.has(name));
  if (unknown !== undefined) throw new IssuersFileError(`${place} has the unknown member ${unknown}.`);
  return value as Members;
}

function requirePath(value: unknown, place: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new IssuersFileError(`${place}: expected a path.`);
}
