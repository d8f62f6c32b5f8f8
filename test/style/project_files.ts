import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface ProjectFile {
  /** Relative to the top of the project. */
  readonly path: string;
  readonly text: string;
}

/** What people write by hand, in every language of the project. */
export const SOURCE_PATTERNS: readonly string[] = [
  '{src,test,bench,scripts}/**/*.ts',
  '{native,test}/**/*.{cc,h,c}',
  'scripts/*',
  'src/**/*.sql',
];

export function projectFiles(patterns: readonly string[]): ProjectFile[] {
  const found = globSync([...patterns], { cwd: ROOT, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = new Set(found.map((entry) => `${entry.parentPath}/${entry.name}`));
  return [...paths].sort().map((path) => ({ path: path.slice(ROOT.length), text: readFileSync(path, 'utf8') }));
}

export function projectFile(path: string): string {
  return readFileSync(`${ROOT}${path}`, 'utf8');
}

export function projectPath(path: string): string {
  return `${ROOT}${path}`;
}
