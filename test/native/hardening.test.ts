import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const PROGRAM = fileURLToPath(new URL('program_with_secrets.mjs', import.meta.url));

/** Megabytes by which a process is larger after it has verified secrets in all threads of its pool. */
async function growth(isHardened: boolean): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...(isHardened ? ['hardened'] : [])]);
  return Number(stdout);
}

test('the blocks in which a hardened process has worked on secrets are given back to the system', async (t) => {
  const hardened = await growth(true);
  const unhardened = await growth(false);
  t.log(`${hardened} MB are kept, ${unhardened} MB otherwise`);
  t.true(hardened < 10, `${hardened} MB`);
  t.true(unhardened > hardened + 10, `${unhardened} MB`);
});
