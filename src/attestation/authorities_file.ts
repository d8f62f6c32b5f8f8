import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { JSONWebKeySet } from 'jose';
import { isKeySet } from '../openid/published_keys.ts';

/** An authority as the operator's file has it (docs/release.md). */
export interface ConfiguredAuthority {
  readonly issuer: string;
  /** Signature algorithms that are taken; what a token's header asks for beside these is refused. */
  readonly algorithms: readonly string[];
  readonly keys: PinnedKeys | PublishedKeysPlace;
}

export interface PinnedKeys {
  readonly kind: 'pinned';
  readonly keySet: JSONWebKeySet;
}

export interface PublishedKeysPlace {
  readonly kind: 'published';
  /** Of the authority's OpenID metadata. */
  readonly metadata: URL;
  /** Certificates in PEM that vouch for the authority's server, in place of the system's. */
  readonly certificateAuthorities: string | undefined;
}

/** What of the file is not as it has to be. */
export class AuthoritiesFileError extends Error {
  override readonly name = 'AuthoritiesFileError';
}

const ALGORITHMS: ReadonlySet<string> = new Set([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
]);
const DEFAULT_ALGORITHMS = ['RS256'];
const METADATA_PATH = '.well-known/openid-configuration';
const MEMBERS: ReadonlySet<string> = new Set(['issuer', 'algorithms', 'keysFile', 'metadata', 'caFile']);
const MOST_AUTHORITIES = 64;

/** Paths in it are relative to the file. @throws AuthoritiesFileError */
export async function readAuthoritiesFile(path: string): Promise<readonly ConfiguredAuthority[]> {
  const { authorities, ...rest } = requireObject(parse(await read(path), path), path);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new AuthoritiesFileError(`${path} has the unknown member ${unknown}.`);
  if (!Array.isArray(authorities) || authorities.length > MOST_AUTHORITIES) {
    throw new AuthoritiesFileError(`${path}: expected a list of at most ${MOST_AUTHORITIES} for authorities.`);
  }
  const places = authorities.map((each, index) => [each, `${path}: authorities[${index}]`] as const);
  const configured = await Promise.all(places.map(([each, place]) => readAuthority(each, place, dirname(path))));
  const issuers = new Set(configured.map(({ issuer }) => issuer));
  if (issuers.size < configured.length) throw new AuthoritiesFileError(`${path} has an issuer twice.`);
  return configured;
}

async function readAuthority(value: unknown, place: string, directory: string): Promise<ConfiguredAuthority> {
  const authority = requireObject(value, place);
  const unknown = Object.keys(authority).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) throw new AuthoritiesFileError(`${place} has the unknown member ${unknown}.`);
  const { issuer, keysFile, metadata, caFile } = authority;
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) {
    throw new AuthoritiesFileError(`${place}: expected a URL for issuer.`);
  }
  const algorithms = readAlgorithms(authority.algorithms, place);
  if (keysFile === undefined) {
    const keys = await readPublished(issuer, metadata, caFile, place, directory);
    return { issuer, algorithms, keys };
  }
  if (metadata !== undefined || caFile !== undefined) {
    throw new AuthoritiesFileError(`${place}: keysFile stands without metadata and caFile.`);
  }
  return { issuer, algorithms, keys: { kind: 'pinned', keySet: await readKeySet(keysFile, place, directory) } };
}

function readAlgorithms(value: unknown, place: string): readonly string[] {
  if (value === undefined) return DEFAULT_ALGORITHMS;
  const known = Array.isArray(value) && value.length > 0 && value.every((each) => ALGORITHMS.has(each));
  if (!known) throw new AuthoritiesFileError(`${place}: expected algorithms out of ${[...ALGORITHMS].join(', ')}.`);
  return value as string[];
}

async function readPublished(
  issuer: string,
  metadata: unknown,
  caFile: unknown,
  place: string,
  directory: string,
): Promise<PublishedKeysPlace> {
  const address = metadata ?? `${issuer.endsWith('/') ? issuer : `${issuer}/`}${METADATA_PATH}`;
  if (typeof address !== 'string' || !URL.canParse(address) || new URL(address).protocol !== 'https:') {
    throw new AuthoritiesFileError(`${place}: expected an https URL for metadata, or keysFile.`);
  }
  const certificateAuthorities =
    caFile === undefined ? undefined : await read(resolve(directory, requireText(caFile, `${place}.caFile`)));
  return { kind: 'published', metadata: new URL(address), certificateAuthorities };
}

async function readKeySet(keysFile: unknown, place: string, directory: string): Promise<JSONWebKeySet> {
  const path = resolve(directory, requireText(keysFile, `${place}.keysFile`));
  const keySet = parse(await read(path), path);
  if (!isKeySet(keySet)) throw new AuthoritiesFileError(`${path} is no JSON Web Key Set with a key in it.`);
  return keySet;
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new AuthoritiesFileError(`${path} cannot be read (${error.code}).`);
  });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AuthoritiesFileError(`${path} is no JSON.`);
  }
}

function requireObject(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new AuthoritiesFileError(`${place}: expected an object.`);
}

function requireText(value: unknown, place: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new AuthoritiesFileError(`${place}: expected a path.`);
}
