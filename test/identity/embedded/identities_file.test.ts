import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { IdentitiesFileError, readIdentitiesFile } from '../../../src/identity/embedded/identities_file.ts';

const directory = mkdtempSync(join(tmpdir(), 'strongroom-identities-'));
test.after.always(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(content: unknown): string {
  const path = join(directory, `identities${files++}.json`);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const web = { name: 'web-1', kind: 'systemAssigned', localUsers: [33] };
const backup = { name: 'backup', kind: 'userAssigned', localUsers: [0, 33, 1000] };

test('identities are read as they stand', async (t) => {
  const idle = { ...backup, name: 'idle', localUsers: [] };
  t.deepEqual(await readIdentitiesFile(file({ identities: [web, backup, idle] })), [web, backup, idle] as never);
  t.deepEqual(await readIdentitiesFile(file({ identities: [] })), []);
});

const WRONG: readonly [what: string, content: unknown, message: RegExp][] = [
  ['no JSON', '{', /is no JSON/],
  ['a list', [], /expected an object/],
  ['another member', { identities: [], users: [] }, /and nothing else/],
  ['no list', { identities: {} }, /a list of at most 256/],
  ['a name twice', { identities: [web, { ...backup, name: 'web-1' }] }, /web-1 twice/],
  ['two identities of the system for one user', { identities: [web, { ...web, name: 'web-2' }] }, /33 has two/],
  ['a member that there is not', { identities: [{ ...web, secret: 'x' }] }, /the unknown member secret/],
  ['no name', { identities: [{ ...web, name: undefined }] }, /for name/],
  ['a name with a slash', { identities: [{ ...web, name: 'a/b/c' }] }, /for name/],
  ['a kind that there is not', { identities: [{ ...web, kind: 'machine' }] }, /for kind/],
  ['an identity of the system for two users', { identities: [{ ...web, localUsers: [1, 2] }] }, /a list of one/],
  ['an identity of the system for nobody', { identities: [{ ...web, localUsers: [] }] }, /a list of one/],
  ['a user by name', { identities: [{ ...backup, localUsers: ['root'] }] }, /by number/],
  ['a user in fractions', { identities: [{ ...backup, localUsers: [1.5] }] }, /by number/],
  ['a user below zero', { identities: [{ ...backup, localUsers: [-1] }] }, /by number/],
  ['the user that stands for unknown ones', { identities: [{ ...backup, localUsers: [65_534] }] }, /without 65534/],
  ['no users', { identities: [{ ...backup, localUsers: undefined }] }, /for localUsers/],
];

for (const [what, content, message] of WRONG) {
  test(`refused: ${what}`, async (t) => {
    await t.throwsAsync(readIdentitiesFile(file(content)), { instanceOf: IdentitiesFileError, message });
  });
}

test('a file that is not there is told as such', async (t) => {
  const message = /cannot be read \(ENOENT\)/;
  await t.throwsAsync(readIdentitiesFile(join(directory, 'nowhere.json')), {
    instanceOf: IdentitiesFileError,
    message,
  });
});
