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

const manifest = JSON.parse(projectFile('package.json')) as Record<string, Record<string, string> | undefined>;
const lock = JSON.parse(projectFile('package-lock.json')) as { packages: Record<string, LockedPackage> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

test('every direct dependency is pinned to one version', (t) => {
  const ranges = ['dependencies', 'optionalDependencies', 'devDependencies']
    .flatMap((field) => Object.entries(manifest[field] ?? {}))
    .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
  t.deepEqual(ranges, []);
});

/** Never installed where Strongroom runs: a hash is of use only for what is. */
function isForOtherPlatform({ os, cpu, libc, optional, dev }: LockedPackage): boolean {
  if (!optional || !dev) return false;
  const runsHere =
    (os ?? ['linux']).includes('linux') && (cpu ?? ['x64']).some((each) => each === 'x64' || each === 'arm64');
  return !runsHere || libc?.includes('musl') === true;
}

test('the lock file names packages of a registry alone, each with its hash', (t) => {
  t.true(locked.length > 100);
  const foreign = locked.filter(
    ([, entry]) =>
      entry.link === true ||
      (!/^sha512-/.test(entry.integrity ?? '') && !isForOtherPlatform(entry)) ||
      !/^\d+\.\d+\.\d+/.test(entry.version ?? '') ||
      (entry.resolved !== undefined && !entry.resolved.startsWith('https://registry.npmjs.org/')),
  );
  t.deepEqual(foreign, []);
});

test('what ships pulls in at most 90 packages', (t) => {
  const runtime = locked.filter(([, { dev, devOptional, optional }]) => !dev && !devOptional && !optional);
  t.true(runtime.length > 10);
  t.true(runtime.length <= LARGEST_CLOSURE, `${runtime.length} packages`);
});

test('no package of the lock file brings an install script but those that are known to', (t) => {
  const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  t.deepEqual(scripted, ['node_modules/pkcs11js']);
});
