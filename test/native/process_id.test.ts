import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { HSM_HOST_PATH } from '../../src/pkcs11/binding.ts';

test('the host offers its own getpid to the library that it loads', async (t) => {
  const { stdout } = await promisify(execFile)('nm', [
    '--dynamic',
    '--defined-only',
    '--format=just-symbols',
    HSM_HOST_PATH,
  ]);
  t.true(stdout.split('\n').includes('getpid'), stdout);
});
