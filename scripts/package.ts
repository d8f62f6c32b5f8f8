/**
 * Makes the package as it is published: build/strongroom-VERSION.tgz. Its manifest differs from the checkout's: it
 * compiles the native core on installation, and it does not bring a Node of its own, which in another's project would
 * take the place of theirs.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LEFT_OUT = new Set(['devDependencies', 'optionalDependencies', 'ava', 'c8', 'gypfile']);

process.chdir(ROOT);
execFileSync(process.execPath, ['scripts/build.ts'], { stdio: 'inherit' });

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { files: string[] };
const published = {
  ...Object.fromEntries(Object.entries(manifest).filter(([field]) => !LEFT_OUT.has(field))),
  scripts: { install: 'node-gyp rebuild' },
};

const stage = mkdtempSync(join(tmpdir(), 'strongroom-package-'));
try {
  for (const path of [...manifest.files, 'README.md', 'LICENSE']) {
    cpSync(path, join(stage, path), { recursive: true });
  }
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  mkdirSync('build', { recursive: true });
  execFileSync('npm', ['pack', '--pack-destination', join(ROOT, 'build')], { cwd: stage, stdio: 'inherit' });
} finally {
  rmSync(stage, { recursive: true });
}
