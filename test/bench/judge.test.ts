import test from 'ava';
import { CONCURRENCIES } from '../../bench/concurrency.ts';
import { CONTENDERS } from '../../bench/contenders.ts';
import type { MeasuredSet } from '../../bench/coordinator.ts';
import { GOALS, type Goal } from '../../bench/goals.ts';
import { judge } from '../../bench/judge.ts';

const goal: Goal = {
  title: 'engine ÷ raw C',
  figure: {
    kind: 'throughput',
    operation: 'p-256',
    inFlight: 64,
    numerator: 'engine-process-2',
    denominators: ['raw-2x1'],
  },
  comparison: '≥',
  threshold: 0.95,
};

function measuredSet(engine: readonly number[], raw: readonly number[]): MeasuredSet {
  const entrant = (contender: string, operationsPerSecond: readonly number[]) => ({
    contender,
    operationsPerSecond,
    cpuUsPerOperation: operationsPerSecond.map(() => 1),
  });
  return {
    operation: 'p-256',
    inFlight: 64,
    repeatedRounds: 0,
    disturbedRounds: 0,
    entrants: [entrant('engine-process-2', engine), entrant('raw-2x1', raw)],
  };
}

test('a goal is met by the median of the ratios, whatever single rounds say', (t) => {
  const { verdict, figure } = judge(goal, [measuredSet([96, 10, 97], [100, 100, 100])], {});
  t.is(verdict, 'met');
  t.is(figure?.median, 0.96);
  t.is(figure?.low, 0.1);
});

test('a median under the threshold is missed, by however little', (t) => {
  t.is(judge(goal, [measuredSet([949, 949, 949], [1000, 1000, 1000])], {}).verdict, 'missed');
});

test('the threshold itself meets a goal', (t) => {
  t.is(judge(goal, [measuredSet([95], [100])], {}).verdict, 'met');
});

test('what the run did not cover is never taken as met', (t) => {
  t.is(judge(goal, [], {}).verdict, 'not measured');
  t.is(judge(goal, [{ ...measuredSet([1], [1]), inFlight: 8 }], {}).verdict, 'not measured');
  t.is(judge(goal, [measuredSet([], [])], {}).verdict, 'not measured');
});

test('a set that was disturbed too often proves nothing, whichever way it came out', (t) => {
  const set = measuredSet([96, 96, 96, 96], [100, 100, 100, 100]);
  t.is(judge(goal, [{ ...set, disturbedRounds: 1 }], {}).verdict, 'met');
  t.is(judge(goal, [{ ...set, disturbedRounds: 2 }], {}).verdict, 'disturbed');
});

test('a figure of another part is held against a maximum', (t) => {
  const memory: Goal = {
    ...goal,
    figure: { kind: 'measured', figure: 'memory/server-idle' },
    comparison: '≤',
    threshold: 130,
  };
  const at = (median: number) => ({
    'memory/server-idle': { median, low: median, high: median, rounds: 1, disturbedRounds: 0 },
  });
  t.is(judge(memory, [], at(130)).verdict, 'met');
  t.is(judge(memory, [], at(131)).verdict, 'missed');
  t.is(judge(memory, [], {}).verdict, 'not measured');
});

test('every goal names contenders that run that operation at that concurrency', (t) => {
  for (const { figure, title } of GOALS) {
    if (figure.kind !== 'throughput') continue;
    for (const id of [figure.numerator, ...figure.denominators]) {
      const row = CONTENDERS.find((contender) => contender.id === id);
      t.true(row?.inFlight.includes(figure.inFlight), `${title}: ${id} at ${figure.inFlight}`);
      t.true(row?.operations?.includes(figure.operation) ?? true, `${title}: ${id} for ${figure.operation}`);
    }
    const concurrency = CONCURRENCIES.find(({ inFlight }) => inFlight === figure.inFlight);
    t.true(concurrency?.operations?.includes(figure.operation) ?? concurrency !== undefined, title);
  }
});
