import test from 'ava';
import { environmentName } from '../../src/config/load_configuration.ts';
import { SETTING, SETTING_LIST, type Setting, type SettingList } from '../../src/config/setting.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { projectFile } from './project_files.ts';

const ROW = /^\| `([\w.]+)` \| `([A-Z_]+)` \| (?:`(.+)`)? ?\| (.+) \|$/gm;

const ENTRY_ROW = /^\| `([\w.]+)\[\]\.(\w+)` \| .+ \|$/gm;

interface Branch {
  readonly [name: string]: Entry;
}
type Entry = Branch | Setting<unknown> | SettingList<Branch>;

const leaves = (branch: Branch) => flatten(branch, isSetting);
const lists = (branch: Branch) => flatten(branch, isList);

/** Every member of this kind, by its path. */
function flatten<Leaf extends Entry>(
  branch: Branch,
  isIt: (entry: Entry) => entry is Leaf,
  prefix = '',
): [path: string, leaf: Leaf][] {
  return Object.entries(branch).flatMap(([name, entry]): [string, Leaf][] => {
    if (isIt(entry)) return [[`${prefix}${name}`, entry]];
    return isSetting(entry) || isList(entry) ? [] : flatten(entry, isIt, `${prefix}${name}.`);
  });
}

function isSetting(entry: Entry): entry is Setting<unknown> {
  return 'kind' in entry && entry.kind === SETTING;
}

function isList(entry: Entry): entry is SettingList<Branch> {
  return 'kind' in entry && entry.kind === SETTING_LIST;
}

test('docs/configuration.md has every setting, its variable and its default', (t) => {
  const documented = new Map(
    [...projectFile('docs/configuration.md').matchAll(ROW)].map(([, path = '', variable, fallback]) => [
      path,
      { variable, fallback },
    ]),
  );
  const settings = leaves(SETTINGS);
  t.deepEqual([...documented.keys()].sort(), settings.map(([path]) => path).sort());
  for (const [path, setting] of settings) {
    const row = documented.get(path);
    t.is(row?.variable, environmentName(path), path);
    const nothing = Array.isArray(setting.fallback) ? [] : undefined;
    const fallback = row?.fallback === undefined ? nothing : setting.take(row.fallback, true);
    t.deepEqual(fallback, setting.fallback, `default of ${path}`);
  }
});

test('docs/configuration.md has every member of the lists, and no other', (t) => {
  const documented = [...projectFile('docs/configuration.md').matchAll(ENTRY_ROW)].map(
    ([, list, member]) => `${list}.${member}`,
  );
  const members = lists(SETTINGS).flatMap(([path, { entry }]) => Object.keys(entry).map((name) => `${path}.${name}`));
  t.deepEqual(documented.sort(), members.sort());
});
