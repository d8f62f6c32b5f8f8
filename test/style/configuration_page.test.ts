import test from 'ava';
import { environmentName } from '../../src/config/load_configuration.ts';
import { SETTING, type Setting } from '../../src/config/setting.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { projectFile } from './project_files.ts';

const ROW = /^\| `([\w.]+)` \| `([A-Z_]+)` \| (?:`(.+)`)? ?\| (.+) \|$/gm;

type Branch = { readonly [name: string]: Branch | Setting<unknown> };

function leaves(branch: Branch, prefix = ''): [path: string, setting: Setting<unknown>][] {
  return Object.entries(branch).flatMap(([name, entry]) =>
    isSetting(entry) ? [[`${prefix}${name}`, entry] as [string, Setting<unknown>]] : leaves(entry, `${prefix}${name}.`),
  );
}

function isSetting(entry: Branch | Setting<unknown>): entry is Setting<unknown> {
  return 'kind' in entry && entry.kind === SETTING;
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
