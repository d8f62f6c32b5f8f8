import test from 'ava';
import { projectFiles, SOURCE_PATTERNS } from './project_files.ts';

/** Words that say nothing about a thing (src/README.md, "Words"). */
const EMPTY_WORDS: ReadonlySet<string> = new Set([
  'manager',
  'helper',
  'helpers',
  'util',
  'utils',
  'data',
  'info',
  'misc',
  'common',
  'base',
  'impl',
]);

/** Terms of the field and of the platform that contain one of them. */
const TERMS: readonly string[] = [
  'data action',
  'data directory',
  'data dir',
  'data plane',
  'digest info',
  'token info',
  'session info',
  'slot info',
  'mechanism info',
  'additional data',
];

const DECLARATION =
  /^\s*export\s+(?:declare\s+|abstract\s+|async\s+)*(?:function\*?|class|const|let|interface|type)\s+(\w+)/gm;
const CPP_DECLARATION = /^\s*(?:class|struct|enum class|enum|union|namespace)\s+(\w+)/gm;

function emptyWordsOf(name: string): string[] {
  let words = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .replaceAll(/[_./-]/g, ' ')
    .toLowerCase();
  for (const term of TERMS) {
    words = words.replaceAll(term, '');
  }
  return words.split(' ').filter((word) => EMPTY_WORDS.has(word));
}

test('names of files say what is in them', (t) => {
  const offenders = projectFiles([...SOURCE_PATTERNS, 'docs/**/*.md']).filter(
    ({ path }) => emptyWordsOf(path).length > 0,
  );
  t.deepEqual(
    offenders.map(({ path }) => path),
    [],
  );
});

test('exported names say what they name', (t) => {
  const names = projectFiles(['{src,test,bench,scripts}/**/*.ts']).flatMap(({ path, text }) =>
    [...text.matchAll(DECLARATION)].map(([, name = '']) => ({ path, name })),
  );
  t.true(names.length > 100, 'the pattern still finds exports');
  t.deepEqual(
    names.filter(({ name }) => emptyWordsOf(name).length > 0),
    [],
  );
});

test('types of the native core say what they name', (t) => {
  const names = projectFiles(['native/*.{cc,h}', 'test/native/*.{cc,h}']).flatMap(({ path, text }) =>
    [...text.matchAll(CPP_DECLARATION)].map(([, name = '']) => ({ path, name })),
  );
  t.true(names.length > 10, 'the pattern still finds types');
  t.deepEqual(
    names.filter(({ name }) => emptyWordsOf(name).length > 0),
    [],
  );
});

test('the rule itself finds empty words and lets terms pass', (t) => {
  t.deepEqual(emptyWordsOf('KeyManager'), ['manager']);
  t.deepEqual(emptyWordsOf('src/engine/key_utils.ts'), ['utils']);
  t.deepEqual(emptyWordsOf('requestData'), ['data']);
  t.deepEqual(emptyWordsOf('DataAction'), []);
  t.deepEqual(emptyWordsOf('decodeBase64Url'), []);
  t.deepEqual(emptyWordsOf('DATABASE_ROWS'), []);
});

test('nothing is put off in a comment', (t) => {
  // Spelled in two halves, so that this file passes its own test.
  const marks = new RegExp(['TO', 'FIX', 'XX', 'HA'].map((half, i) => half + ['DO', 'ME', 'X', 'CK'][i]).join('|'));
  const offenders = projectFiles([...SOURCE_PATTERNS, '*.md', 'docs/*.md', 'src/*.md', 'binding.gyp'])
    .flatMap(({ path, text }) => text.split('\n').map((line, index) => ({ at: `${path}:${index + 1}`, line })))
    .filter(({ line }) => new RegExp(`\\b(?:${marks.source})\\b`).test(line));
  t.deepEqual(offenders, []);
});
