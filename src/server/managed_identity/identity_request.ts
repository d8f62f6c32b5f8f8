import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { IdentityName } from '../../identity/embedded/managed_identity.ts';
import { badParameter, StrongroomError } from '../../model/errors.ts';
import { parseIpAddress } from '../../model/ip_address.ts';

/** What a process asks for at the endpoint of managed identities. */
export interface IdentityRequest {
  readonly resource: string;
  readonly identity: IdentityName | undefined;
}

/** Azure has two forms of the endpoint (Azure API §4.4); each has its own way to tell a program from what a program was tricked into. */
interface Form {
  readonly apiVersion: string;
  readonly require: (incoming: IncomingMessage, header: string) => void;
}

const IMDS: Form = {
  apiVersion: '2018-02-01',
  require: ({ headers }) => {
    if (String(headers.metadata).toLowerCase() === 'true') return;
    throw new StrongroomError('BadParameter', 'The header Metadata: true is required.');
  },
};
const APP_SERVICE: Form = {
  apiVersion: '2019-08-01',
  require: ({ headers }, header) => {
    if (isSame(String(headers['x-identity-header']), header)) return;
    throw new StrongroomError('Unauthorized', 'The header X-IDENTITY-HEADER is not that of this installation.');
  },
};
export const APP_SERVICE_PATH = '/msi/token';
const FORMS: ReadonlyMap<string, Form> = new Map([
  ['/metadata/identity/oauth2/token', IMDS],
  ['/metadata/identity/oauth2/token/', IMDS],
  [APP_SERVICE_PATH, APP_SERVICE],
]);

/** What a request has that came by way of somebody else: a proxy, or a page in a browser. */
const HEADERS_OF_OTHERS = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'forwarded',
  'via',
  'origin',
  'referer',
];
const NAMES: Readonly<Record<string, IdentityName['member']>> = {
  client_id: 'clientId',
  object_id: 'id',
  principal_id: 'id',
  msi_res_id: 'resourceId',
  mi_res_id: 'resourceId',
};
const MOST_CHARACTERS = 512;

/**
 * Reads a request, and refuses what no program of this machine asks for by itself. `header` is the secret word of the App Service form.
 * @throws StrongroomError `BadParameter`, `NotFound`, `MethodNotAllowed`, `Unauthorized`
 */
export function readIdentityRequest(incoming: IncomingMessage, header: string): IdentityRequest {
  refuseOthers(incoming);
  const url = URL.parse(incoming.url ?? '', 'http://localhost');
  const form = url === null ? undefined : FORMS.get(url.pathname);
  if (url === null || form === undefined) throw new StrongroomError('NotFound', 'There is nothing at this path.');
  if (incoming.method !== 'GET') throw new StrongroomError('MethodNotAllowed', 'Tokens are asked for by GET.');
  form.require(incoming, header);
  const { searchParams: query } = url;
  if (one(query, 'api-version') !== form.apiVersion) {
    throw badParameter('api-version', form.apiVersion, one(query, 'api-version'));
  }
  const resource = one(query, 'resource');
  if (resource === undefined) throw badParameter('resource', 'the resource that the token is for', resource);
  return { resource, identity: readName(query) };
}

/** Names of hosts are the web's: a page can have one that leads to this machine, and would be asked for nothing more. */
function refuseOthers({ headers }: IncomingMessage): void {
  const foreign = HEADERS_OF_OTHERS.find((name) => headers[name] !== undefined);
  if (foreign !== undefined)
    throw new StrongroomError('BadParameter', `Requests with the header ${foreign} are refused.`);
  const { host = '' } = headers;
  const name = host.replace(/:\d{1,5}$/, '').replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || parseIpAddress(name) !== undefined) return;
  throw new StrongroomError('BadParameter', 'The host has to be an address of this machine, or localhost.');
}

function readName(query: URLSearchParams): IdentityName | undefined {
  const given = Object.entries(NAMES).flatMap(([parameter, member]): IdentityName[] => {
    const value = one(query, parameter);
    return value === undefined ? [] : [{ member, value }];
  });
  if (given.length > 1) throw new StrongroomError('BadParameter', 'An identity is named in one way, not in several.');
  return given[0];
}

function one(query: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = query.getAll(name);
  if (more.length > 0 || (value?.length ?? 0) > MOST_CHARACTERS) {
    throw new StrongroomError('BadParameter', `Expected ${name} once, of at most ${MOST_CHARACTERS} characters.`);
  }
  return value;
}

function isSame(received: string, expected: string): boolean {
  const [left, right] = [Buffer.from(received), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
