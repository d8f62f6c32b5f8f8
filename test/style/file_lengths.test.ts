import test from 'ava';
import { projectFiles, SOURCE_PATTERNS } from './project_files.ts';

const LONGEST_FILE = 400;
/** Comments and tables may run on; code that does is broken by the formatter. */
const LONGEST_LINE = 180;

test('no source file is longer than 400 lines', (t) => {
  const files = projectFiles(SOURCE_PATTERNS);
  t.true(files.length > 50, 'the patterns still find the sources');
  const long = files.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));
  t.deepEqual(
    long.filter(({ lines }) => lines > LONGEST_FILE),
    [],
  );
});

test('no line of a source file is longer than 180 characters', (t) => {
  const long = projectFiles(SOURCE_PATTERNS).flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (line.length > LONGEST_LINE ? [`${path}:${index + 1}`] : [])),
  );
  t.deepEqual(long, []);
});

test('every source file ends with one line break and has no trailing blanks', (t) => {
  const untidy = projectFiles(SOURCE_PATTERNS).filter(({ text }) => !/[^\n]\n$/.test(text) || /[ \t]\n/.test(text));
  t.deepEqual(
    untidy.map(({ path }) => path),
    [],
  );
});
