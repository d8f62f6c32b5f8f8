import test from 'ava';
import { median, quantile, ratioPerRound, spread } from '../../bench/statistics.ts';

test('a median lies in the middle, between the two middle values of an even sample', (t) => {
  t.is(median([9, 1, 5]), 5);
  t.is(median([4, 1, 3, 2]), 2.5);
});

test('a quantile is found between neighbours in proportion', (t) => {
  const sample = Float64Array.from({ length: 101 }, (_, index) => 100 - index);
  t.is(quantile(sample, 0), 0);
  t.is(quantile(sample, 0.99), 99);
  t.is(quantile(sample, 0.995), 99.5);
  t.is(quantile(sample, 1), 100);
});

test('an empty sample has no median', (t) => {
  t.is(median([]), Number.NaN);
});

test('a quantile leaves its sample as it was', (t) => {
  const sample = [3, 1, 2];
  quantile(sample, 0.5);
  t.deepEqual(sample, [3, 1, 2]);
});

test('a spread tells the middle and the extremes', (t) => {
  t.deepEqual(spread([3, 1, 2]), { median: 2, low: 1, high: 3, rounds: 3 });
});

test('a machine that slows down in one round leaves the ratios as they are', (t) => {
  const rates = [1000, 500, 1000];
  const halved = rates.map((rate) => rate / 2);
  t.deepEqual(ratioPerRound(halved, [rates]), [0.5, 0.5, 0.5]);
});

test('among several denominators the best of each round counts', (t) => {
  t.deepEqual(
    ratioPerRound(
      [100, 100],
      [
        [50, 10],
        [20, 25],
      ],
    ),
    [2, 4],
  );
});

test('a round that a denominator does not have gives no ratio', (t) => {
  t.deepEqual(ratioPerRound([100, 100], [[50]]), [2, Number.NaN]);
});
