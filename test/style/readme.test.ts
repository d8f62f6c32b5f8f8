import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { projectFile, projectFiles, projectPath } from './project_files.ts';

const PAGES = projectFiles(['*.md', 'docs/*.md', 'src/*.md']);
const { scripts } = JSON.parse(projectFile('package.json')) as { scripts: Record<string, string> };

test('every ./scripts command of the pages exists', (t) => {
  const named = PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:\.\/)?scripts\/[a-z_]+(?:\.(?:ts|sh))?/g)].map(([file]) => ({ path, file })),
  );
  t.true(named.length >= 3, 'the pages still name commands');
  t.deepEqual(
    named.filter(({ file }) => !existsSync(projectPath(file))),
    [],
  );
});

test('every npm script of the pages exists', (t) => {
  const named = PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(/npm run ([a-z:_-]+)/g)].map(([, script = '']) => ({ path, script })),
  );
  t.true(named.length >= 1, 'the pages still name scripts');
  t.deepEqual(
    named.filter(({ script }) => scripts[script] === undefined),
    [],
  );
});

test('every relative link of the pages leads somewhere', (t) => {
  const broken = PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)]
      .map(([, target = '']) => join(dirname(path), target))
      .filter((target) => !existsSync(projectPath(target)))
      .map((target) => `${path} → ${target}`),
  );
  t.deepEqual(broken, []);
});

test('every file that the architecture page names exists', (t) => {
  const page = projectFile('src/README.md');
  const named = [...page.matchAll(/\b((?:[a-z0-9_]+\/)+[a-z0-9_]+\.(?:ts|cc|h))\b/g)].map(([, file = '']) => file);
  t.true(named.length > 20, 'the page still names files');
  t.deepEqual(
    named.filter((file) => !existsSync(projectPath(file)) && !existsSync(projectPath(`src/${file}`))),
    [],
  );
});

test('the architecture page has every room', (t) => {
  const page = projectFile('src/README.md');
  const rooms = new Set(projectFiles(['src/*/**/*.ts']).map(({ path }) => path.split('/')[1]));
  t.true(rooms.size >= 5, 'there are rooms');
  t.deepEqual(
    [...rooms].filter((room) => !page.includes(`\`${room}/\``)),
    [],
  );
});
