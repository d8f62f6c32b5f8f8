import test from 'ava';
import { countCatch2, countTap, tapFailures } from '../../scripts/test_counts.ts';

test('a TAP stream is counted by its closing comments', (t) => {
  const output =
    'TAP version 13\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP\n\n1..3\n# tests 3\n# pass 1\n# skip 1\n# fail 1\n';
  t.deepEqual(countTap(output), { passed: 1, failed: 1, skipped: 1 });
});

test('a TAP stream without skipped tests has none', (t) => {
  t.deepEqual(countTap('1..2\n# tests 2\n# pass 2\n# fail 0\n'), { passed: 2, failed: 0, skipped: 0 });
});

test('a TAP stream that breaks off has no count', (t) => {
  t.is(countTap('TAP version 13\nok 1 - a\n'), undefined);
});

test('what a test logs is not taken for the closing comments', (t) => {
  t.is(countTap('TAP version 13\nok 1 - a\n#   # pass 7\n'), undefined);
});

test('of a TAP stream the failures are taken, with what they logged and their reasons', (t) => {
  const output = 'ok 1 - a\nnot ok 2 - b\n#   it said\n  ---\n    message: why\n  ...\nok 3 - c\nnot ok 4 - d\n# e\n';
  t.deepEqual(tapFailures(output), ['not ok 2 - b\n#   it said\n  ---\n    message: why\n  ...', 'not ok 4 - d']);
});

test('a Catch2 run without failures is counted', (t) => {
  const output = 'Filters: x\n====\nAll tests passed (12 assertions in 3 test cases)\n\n';
  t.deepEqual(countCatch2(output), { passed: 3, failed: 0, skipped: 0 });
  t.deepEqual(countCatch2('All tests passed (1 assertion in 1 test case)\n'), { passed: 1, failed: 0, skipped: 0 });
});

test('a Catch2 run with failures is counted', (t) => {
  t.deepEqual(countCatch2('test cases: 3 | 2 passed | 1 failed\nassertions: 9 | 8 passed | 1 failed\n'), {
    passed: 2,
    failed: 1,
    skipped: 0,
  });
  t.deepEqual(countCatch2('test cases:  4 |  2 passed | 1 failed | 1 skipped\n'), { passed: 2, failed: 1, skipped: 1 });
});

test('a Catch2 run that crashed has no count', (t) => {
  t.is(countCatch2('Randomness seeded to: 1\nSegmentation fault\n'), undefined);
});
