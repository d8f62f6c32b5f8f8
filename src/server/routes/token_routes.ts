import { addToken } from '../handlers/add_token.ts';
import { drainToken } from '../handlers/drain_token.ts';
import { getToken } from '../handlers/get_token.ts';
import { listTokens } from '../handlers/list_tokens.ts';
import { removeToken } from '../handlers/remove_token.ts';
import { resumeToken } from '../handlers/resume_token.ts';
import { type Route, route } from '../route.ts';

const READ = {
  method: 'GET',
  dataAction: 'Microsoft.KeyVault/managedHsm/tokens/read/action',
  scope: 'pool',
  body: undefined,
  isBeforeActivation: true,
  isDuringRestore: true,
} as const;

const WRITE = {
  dataAction: 'Microsoft.KeyVault/managedHsm/tokens/write/action',
  scope: 'pool',
  body: undefined,
  isBeforeActivation: true,
} as const;

/** The tokens of the pool (docs/tokens.md). Azure has nothing like it. */
export const TOKEN_ROUTES: readonly Route[] = [
  route({ ...READ, paths: ['/tokens'], operation: 'listTokens', handler: listTokens }),
  route({ ...READ, paths: ['/tokens/:token'], operation: 'getToken', handler: getToken }),
  route({
    ...WRITE,
    method: 'PUT',
    paths: ['/tokens/:token'],
    operation: 'addToken',
    handler: addToken,
  }),
  route({
    ...WRITE,
    method: 'POST',
    paths: ['/tokens/:token/drain'],
    operation: 'drainToken',
    handler: drainToken,
  }),
  route({
    ...WRITE,
    method: 'POST',
    paths: ['/tokens/:token/resume'],
    operation: 'resumeToken',
    handler: resumeToken,
  }),
  route({
    ...WRITE,
    method: 'DELETE',
    paths: ['/tokens/:token'],
    operation: 'removeToken',
    handler: removeToken,
  }),
];
