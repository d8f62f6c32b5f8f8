import { decrypt } from '../handlers/decrypt.ts';
import { encrypt } from '../handlers/encrypt.ts';
import { random } from '../handlers/random.ts';
import { releaseKey } from '../handlers/release_key.ts';
import { secureUnwrapKey } from '../handlers/secure_unwrap_key.ts';
import { secureWrapKey } from '../handlers/secure_wrap_key.ts';
import { sign } from '../handlers/sign.ts';
import { unwrapKey } from '../handlers/unwrap_key.ts';
import { verify } from '../handlers/verify.ts';
import { wrapKey } from '../handlers/wrap_key.ts';
import { keyOperation, type Route, route } from '../route.ts';
import { KEY_OPERATION, KEY_SIGN, KEY_VERIFY, RANDOM } from '../wire/key_operation.ts';
import { KEY_RELEASE } from '../wire/key_release.ts';
import { SECURE_UNWRAP, SECURE_WRAP } from '../wire/secure_wrap.ts';

/** What is done with keys (Azure API §1.13, §1.14, §1.16, §1.17). */
export const KEY_OPERATION_ROUTES: readonly Route[] = [
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
  keyOperation('securewrapkey', {
    operation: 'secureWrapKey',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/wrap/action',
    body: SECURE_WRAP,
    handler: secureWrapKey,
  }),
  keyOperation('secureunwrapkey', {
    operation: 'secureUnwrapKey',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/unwrap/action',
    body: SECURE_UNWRAP,
    handler: secureUnwrapKey,
  }),
  keyOperation('release', {
    operation: 'release',
    dataAction: 'Microsoft.KeyVault/managedHsm/keys/release/action',
    body: KEY_RELEASE,
    handler: releaseKey,
  }),
  route({
    method: 'POST',
    paths: ['/rng'],
    operation: 'random',
    dataAction: 'Microsoft.KeyVault/managedHsm/rng/action',
    scope: 'pool',
    body: RANDOM,
    changes: false,
    handler: random,
  }),
];
