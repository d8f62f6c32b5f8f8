import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ConfigurationError } from '../../src/config/configuration_error.ts';
import { loadConfiguration } from '../../src/config/load_configuration.ts';
import { readPasswordFile } from '../../src/config/password_file.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-password-'));
test.after.always(() => rmSync(directory, { recursive: true }));

function fileOf(name: string, content: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

test('a password is what stands in its file, without the end of the line', async (t) => {
  for (const [name, content] of [
    ['plain', ' pass word '],
    ['unix', ' pass word \n'],
    ['dos', ' pass word \r\n'],
  ] as const) {
    t.is(await readPasswordFile(fileOf(name, content), 'store.passwordFile'), ' pass word ');
  }
});

test('a file that is absent, empty or open to others is refused, by the name of the setting', async (t) => {
  for (const path of [join(directory, 'none'), fileOf('empty', '\n'), fileOf('open', 'secret', 0o644)]) {
    const error = await t.throwsAsync(readPasswordFile(path, 'store.passwordFile'), { instanceOf: ConfigurationError });
    t.regex(error.message, /^store\.passwordFile: /);
    t.false(error.message.includes('secret'));
  }
});

test('the address of a store takes no password, and does not repeat one', (t) => {
  const environment = { STRONGROOM_STORE_URL: 'postgres://keeper:secret@db.example/keys' };
  const error = t.throws(() => loadConfiguration({ environment }), { instanceOf: ConfigurationError });
  t.regex(error.message, /^store\.url: Expected a postgres:\/\/ URL without a password/);
  t.false(error.message.includes('secret'));
});

test('a password for no store is a contradiction', (t) => {
  const environment = { STRONGROOM_STORE_PASSWORD_FILE: '/run/secrets/store' };
  const error = t.throws(() => loadConfiguration({ environment }), { instanceOf: ConfigurationError });
  t.regex(error.message, /^store\.url: Expected the address/);
});
