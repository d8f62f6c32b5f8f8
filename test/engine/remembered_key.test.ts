import test from 'ava';
import { LoadedKey } from '../../src/engine/loaded_key.ts';
import { RememberedKey } from '../../src/engine/remembered_key.ts';
import { key, keyVersion } from '../store/store_records.ts';

const [ONE, TWO] = ['1'.repeat(32), '2'.repeat(32)];
const loaded = (version: string): LoadedKey => new LoadedKey(keyVersion({ version }).record);
const recordWith = (newest: string) => key({ newest }).record;

test('the newest version is found by its name and without one, others by their names alone', (t) => {
  const remembered = new RememberedKey(recordWith(TWO));
  const [one, two] = [loaded(ONE), loaded(TWO)];
  remembered.add(one);
  t.deepEqual([remembered.find(undefined), remembered.find(TWO), remembered.find(ONE)], [undefined, undefined, one]);
  remembered.add(two);
  t.deepEqual([remembered.find(undefined), remembered.find(TWO), remembered.find(ONE)], [two, two, one]);
  t.deepEqual(remembered.all(), [two, one]);
});

test('a version that was the newest stays found by its name once another is', (t) => {
  const remembered = new RememberedKey(recordWith(ONE));
  const [one, two] = [loaded(ONE), loaded(TWO)];
  remembered.add(one);
  remembered.changeTo(recordWith(TWO));
  t.deepEqual([remembered.find(undefined), remembered.find(ONE)], [undefined, one]);
  remembered.add(two);
  t.deepEqual([remembered.find(undefined), remembered.find(ONE)], [two, one]);
  remembered.changeTo(recordWith(TWO));
  t.is(remembered.find(undefined), two);
});

test('it is empty when the last version is forgotten, and not before', (t) => {
  const remembered = new RememberedKey(recordWith(TWO));
  const [one, two] = [loaded(ONE), loaded(TWO)];
  t.true(remembered.isEmpty);
  remembered.add(one);
  remembered.add(two);
  remembered.remove(two);
  t.false(remembered.isEmpty);
  t.is(remembered.find(undefined), undefined);
  remembered.remove(one);
  t.true(remembered.isEmpty);
  t.deepEqual(remembered.all(), []);
});
