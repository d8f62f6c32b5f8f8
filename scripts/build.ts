/**
 * Emits dist/, what the package ships: JavaScript with declarations from src/, and the files beside the sources that
 * are read at run time (SQL migrations).
 */
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

process.chdir(ROOT);
rmSync('dist', { recursive: true, force: true });

const tsc = fileURLToPath(new URL('bin/tsc', import.meta.resolve('typescript/package.json')));
const compiled = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
if (compiled.status !== 0) {
  process.exit(compiled.status ?? 1);
}

for (const asset of globSync('**/*.sql', { cwd: 'src' })) {
  cpSync(`src/${asset}`, `dist/${asset}`);
}
