import type { Static, TSchema } from 'typebox';
import type { KeyReference } from '../engine/requests.ts';
import type { DataAction } from '../model/role.ts';
import { createKey } from './handlers/create_key.ts';
import { decrypt } from './handlers/decrypt.ts';
import { encrypt } from './handlers/encrypt.ts';
import { getKey } from './handlers/get_key.ts';
import { importKey } from './handlers/import_key.ts';
import { random } from './handlers/random.ts';
import { sign } from './handlers/sign.ts';
import { unwrapKey } from './handlers/unwrap_key.ts';
import { verify } from './handlers/verify.ts';
import { wrapKey } from './handlers/wrap_key.ts';
import type { KeyService } from './key_service.ts';
import { KEY_CREATE } from './wire/key_create.ts';
import { KEY_IMPORT } from './wire/key_import.ts';
import { KEY_OPERATION, KEY_SIGN, KEY_VERIFY, RANDOM } from './wire/key_operation.ts';
import type { Shape } from './wire/shape.ts';

/** What a handler is given beside the body. */
export interface Call {
  readonly engine: KeyService;
  readonly key: KeyReference;
  /** Host and port as the caller reached us: what key identifiers begin with. */
  readonly authority: string;
}

interface RouteRow<T extends TSchema> {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** With and without a version where both are served. `:name` and `:version` are what handlers read. */
  readonly paths: readonly string[];
  readonly operation: string;
  readonly dataAction: DataAction;
  /** What the data action must be held for: the key in the path, or the whole pool. */
  readonly scope: 'key' | 'pool';
  readonly body: Shape<T> | undefined;
  /** Gives the answer as JSON. */
  readonly handler: (call: Call, body: Static<T>) => Promise<string>;
}

export interface Route extends Omit<RouteRow<TSchema>, 'handler'> {
  readonly handler: (call: Call, body: unknown) => Promise<string>;
}

/** The body has passed the row's own shape when it reaches the row's handler: that is what makes the cast true. */
function route<T extends TSchema>(row: RouteRow<T>): Route {
  return row as unknown as Route;
}

function keyOperation<T extends TSchema>(
  word: string,
  row: Pick<RouteRow<T>, 'operation' | 'dataAction' | 'body' | 'handler'>,
): Route {
  return route({
    ...row,
    method: 'POST',
    paths: [`/keys/:name/${word}`, `/keys/:name/:version/${word}`],
    scope: 'key',
  });
}

/** The REST API (Azure API §1.9, §1.17), one row per operation. */
export const ROUTES: readonly Route[] = [
  route({
    method: 'POST',
    paths: ['/keys/:name/create'],
    operation: 'create',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/create',
    scope: 'key',
    body: KEY_CREATE,
    handler: createKey,
  }),
  route({
    method: 'PUT',
    paths: ['/keys/:name'],
    operation: 'import',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/import/action',
    scope: 'key',
    body: KEY_IMPORT,
    handler: importKey,
  }),
  route({
    method: 'GET',
    paths: ['/keys/:name', '/keys/:name/:version'],
    operation: 'get',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/read/action',
    scope: 'key',
    body: undefined,
    handler: getKey,
  }),
  keyOperation('sign', {
    operation: 'sign',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/sign/action',
    body: KEY_SIGN,
    handler: sign,
  }),
  keyOperation('verify', {
    operation: 'verify',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/verify/action',
    body: KEY_VERIFY,
    handler: verify,
  }),
  keyOperation('encrypt', {
    operation: 'encrypt',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/encrypt/action',
    body: KEY_OPERATION,
    handler: encrypt,
  }),
  keyOperation('decrypt', {
    operation: 'decrypt',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/decrypt/action',
    body: KEY_OPERATION,
    handler: decrypt,
  }),
  keyOperation('wrapkey', {
    operation: 'wrapKey',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/wrap/action',
    body: KEY_OPERATION,
    handler: wrapKey,
  }),
  keyOperation('unwrapkey', {
    operation: 'unwrapKey',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/unwrap/action',
    body: KEY_OPERATION,
    handler: unwrapKey,
  }),
  route({
    method: 'POST',
    paths: ['/rng'],
    operation: 'random',
    dataAction: 'Microsoft.KeyVault/managedHsm/rng/action',
    scope: 'pool',
    body: RANDOM,
    handler: random,
  }),
];
