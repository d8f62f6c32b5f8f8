import test from 'ava';
import { barChart } from '../../bench/chart.ts';
import { significant, table, withRange } from '../../bench/report.ts';

test('figures have three significant digits, and large ones groups of three', (t) => {
  t.is(significant(0.97312), '0.973');
  t.is(significant(15.04), '15.0');
  t.is(significant(999.6), '1,000');
  t.is(significant(123_456.7), '123,457');
  t.is(significant(0.000_001_234), '0.00000123');
});

test('a figure is told with the lowest and the highest round', (t) => {
  t.is(withRange({ median: 0.97, low: 0.9, high: 1.1, rounds: 25 }), '**0.970** (0.900–1.10)');
  t.is(withRange({ median: 62.5, low: 62.5, high: 62.5, rounds: 1 }), '**62.5**');
});

test('the columns of a table line up', (t) => {
  const lines = table(
    ['what', 'figure'],
    [
      ['a longer name', '1'],
      ['b', '12,345'],
    ],
  ).split('\n');
  t.is(new Set(lines.map((line) => line.length)).size, 1);
  t.is(lines[1], '| ------------- | -----: |');
  t.is(lines[2], '| a longer name |      1 |');
});

test('a chart draws the longest bar of a group the longest and escapes its texts', (t) => {
  const svg = barChart('a < b', 'note', [
    {
      title: 'P-256 & others',
      bars: [
        { label: 'one', value: 10, text: '10/s', kind: 'ours' },
        { label: 'two', value: 5, text: '5/s', kind: 'other' },
      ],
    },
  ]);
  const widths = [...svg.matchAll(/<rect [^>]*width="(\d+)"/g)].map(([, width]) => Number(width));
  t.is(widths.length, 2);
  t.true(Math.abs((widths[0] ?? 0) - 2 * (widths[1] ?? 0)) <= 1, 'to a pixel');
  t.true(svg.includes('<title>a &lt; b</title>'));
  t.true(svg.includes('P-256 &amp; others'));
  t.true(svg.includes('prefers-color-scheme: dark'));
});
