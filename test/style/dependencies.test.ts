import test from 'ava';
import { projectFile } from './project_files.ts';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

const LARGEST_CLOSURE = 90;

/** The project's own, and that of Azurite, which tests use and nothing that ships. */
const FOLDERS = ['', 'test/azurite/'];
const locked = lockedOf('');

function lockedOf(folder: string): [path: string, entry: LockedPackage][] {
  const lock = JSON.parse(projectFile(`${folder}package-lock.json`)) as { packages: Record<string, LockedPackage> };
  return Object.entries(lock.packages).filter(([path]) => path !== '');
}

for (const folder of FOLDERS) {
  test(`every direct dependency in ${folder}package.json is pinned to one version`, (t) => {
    const manifest = JSON.parse(projectFile(`${folder}package.json`)) as Record<
      string,
      Record<string, string> | undefined
    >;
    const ranges = ['dependencies', 'optionalDependencies', 'devDependencies']
      .flatMap((field) => Object.entries(manifest[field] ?? {}))
      .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    t.deepEqual(ranges, []);
  });

  test(`${folder}package-lock.json names packages of a registry alone, each with its hash`, (t) => {
    const entries = lockedOf(folder);
    t.true(entries.length > 100);
    const foreign = entries.filter(
      ([, entry]) =>
        entry.link === true ||
        (!/^sha512-/.test(entry.integrity ?? '') && !isForOtherPlatform(entry)) ||
        !/^\d+\.\d+\.\d+/.test(entry.version ?? '') ||
        (entry.resolved !== undefined && !entry.resolved.startsWith('https://registry.npmjs.org/')),
    );
    t.deepEqual(foreign, []);
  });
}

/** Never installed where Strongroom runs: a hash is of use only for what is. */
function isForOtherPlatform({ os, cpu, libc, optional, dev }: LockedPackage): boolean {
  if (!optional || !dev) return false;
  const runsHere =
    (os ?? ['linux']).includes('linux') && (cpu ?? ['x64']).some((each) => each === 'x64' || each === 'arm64');
  return !runsHere || libc?.includes('musl') === true;
}

test('what ships pulls in at most 90 packages', (t) => {
  const runtime = locked.filter(([, { dev, devOptional, optional }]) => !dev && !devOptional && !optional);
  t.true(runtime.length > 10);
  t.true(runtime.length <= LARGEST_CLOSURE, `${runtime.length} packages`);
});

test('whatever is installed, no install script is run', (t) => {
  t.regex(projectFile('.npmrc'), /^ignore-scripts=true$/m);
  const commands = projectFile('scripts/setup.sh').match(/npm ci .*$/gm) ?? [];
  t.is(commands.length, FOLDERS.length);
  // Behind the first one the project's own .npmrc stands, in whose folder it is run.
  for (const command of commands.slice(1)) t.regex(command, / --ignore-scripts /);
});

test('no package of the lock file brings an install script but those that are known to', (t) => {
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  t.deepEqual(scripted, ['node_modules/pkcs11js']);
});
