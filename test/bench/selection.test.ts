import test from 'ava';
import { PART_NAMES } from '../../bench/parts.ts';
import { parseSelection, type Selection } from '../../bench/selection.ts';

const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map(({ id }) => id);
const inFlight = ({ concurrencies }: Selection): number[] => concurrencies.map((each) => each.inFlight);

test('without words everything is measured at full length', (t) => {
  const selection = parseSelection([]);
  t.deepEqual(selection.parts, PART_NAMES);
  t.deepEqual(inFlight(selection), [64, 8, 1]);
  t.true(selection.rounds >= 25);
  t.true(selection.complete);
});

test('words of one kind widen each other and words of different kinds narrow each other', (t) => {
  const selection = parseSelection(['p-256', 'aes', 'raw-2x1', 'engine-process', '64']);
  t.deepEqual(selection.parts, ['table']);
  t.deepEqual(ids(selection.operations), ['p-256', 'aes-256-gcm']);
  t.deepEqual(ids(selection.contenders), [
    'raw-2x1',
    'engine-process-2',
    'engine-process-2-public',
    'engine-process-2-unverified',
    'engine-process-2-verified',
  ]);
  t.deepEqual(inFlight(selection), [64]);
});

test('a piece of a name stands for every contender that has it', (t) => {
  t.true(ids(parseSelection(['graphene']).contenders).every((id) => id.startsWith('graphene')));
});

test('the name of a part runs that part alone', (t) => {
  t.deepEqual(parseSelection(['latency', 'memory']).parts, ['latency', 'memory']);
});

for (const args of [['--quick'], ['p-256'], ['--all-mechanisms'], ['--rounds', '3']]) {
  test(`a run with ${args.join(' ')} does not count as complete`, (t) => {
    t.false(parseSelection(args).complete);
  });
}

test('the number of rounds is taken as given', (t) => {
  t.is(parseSelection(['--rounds', '40']).rounds, 40);
});

test('a word that means nothing is refused with those that do', (t) => {
  const error = t.throws(() => parseSelection(['rot13']), { instanceOf: TypeError });
  t.regex(error.message, /aes-256-gcm.*raw-2x1/);
});

test('a number of rounds that is none is refused', (t) => {
  t.throws(() => parseSelection(['--rounds', 'many']), { instanceOf: TypeError });
  t.throws(() => parseSelection(['--rounds']), { instanceOf: TypeError });
});
