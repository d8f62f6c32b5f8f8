import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { encodeTemplate, type Template } from '../../src/pkcs11/template.ts';
import type { RingRequest } from '../../src/pool/hsm_host.ts';
import { findPoolKeys } from '../../src/pool/pool_keys.ts';

const HANDLE = 7n;

/** An instance that finds one object whatever is looked for, and says the same of each. */
function tokenWith(attributes: Template): (request: RingRequest) => Promise<Uint8Array> {
  const handle = Buffer.alloc(8);
  handle.writeBigUInt64LE(HANDLE);
  return async ({ operation }) => (operation === RING_OPERATION.getAttributes ? encodeTemplate(attributes) : handle);
}

test('a pool key that wants the PIN with each signature is refused', async (t) => {
  const find = findPoolKeys(tokenWith({ CKA_ALWAYS_AUTHENTICATE: true }), false);
  const error = await t.throwsAsync(find, { instanceOf: StrongroomError, message: /wants the PIN/ });
  t.is(error?.code, 'ServiceUnavailable');
  t.is(error?.innerCode, 'PoolKeysUnusable');
});

test('pool keys that say that one login is enough are taken, and so are those that do not say', async (t) => {
  for (const attributes of [{ CKA_ALWAYS_AUTHENTICATE: false }, {}]) {
    const keys = await findPoolKeys(tokenWith(attributes), false);
    t.deepEqual(new Set(Object.values(keys)), new Set([Number(HANDLE)]));
  }
});
