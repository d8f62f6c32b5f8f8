import test from 'ava';
import {
  hashClientSecret,
  isClientSecret,
  NO_SECRET,
  newClientSecret,
} from '../../../src/identity/embedded/client_secret.ts';

test('a kept secret knows itself and no other', async (t) => {
  const secret = newClientSecret();
  const kept = await hashClientSecret(secret);
  t.true(await isClientSecret(secret, kept));
  t.false(await isClientSecret(`${secret}x`, kept));
  t.false(await isClientSecret('', kept));
  t.false(JSON.stringify(kept).includes(secret));
});

test('the same secret is kept differently each time', async (t) => {
  const [one, two] = await Promise.all([hashClientSecret('s'), hashClientSecret('s')]);
  t.not(one.salt, two.salt);
  t.not(one.hash, two.hash);
});

test('nothing is the secret of nobody, and a hash cut short is nobody', async (t) => {
  t.false(await isClientSecret('', NO_SECRET));
  t.false(await isClientSecret('s', { ...(await hashClientSecret('s')), hash: '' }));
});
