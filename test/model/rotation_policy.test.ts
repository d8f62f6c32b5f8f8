import test from 'ava';
import { StrongroomError } from '../../src/model/errors.ts';
import { LIMITS } from '../../src/model/limits.ts';
import {
  isWithoutRules,
  type LifetimeAction,
  laterBy,
  nextRotation,
  type RotationRules,
  requireRotationRules,
} from '../../src/model/rotation_policy.ts';

const rotate = (trigger: Partial<Omit<LifetimeAction, 'action'>>): LifetimeAction => ({
  action: 'Rotate',
  timeAfterCreate: undefined,
  timeBeforeExpiry: undefined,
  ...trigger,
});
const notify = (trigger: Partial<Omit<LifetimeAction, 'action'>>): LifetimeAction => ({
  ...rotate(trigger),
  action: 'Notify',
});
const rules = (expiryTime: string | undefined, ...lifetimeActions: LifetimeAction[]): RotationRules => ({
  expiryTime,
  lifetimeActions,
});

const utc = (text: string): number => Date.parse(`${text}Z`) / 1000;

for (const [from, duration, to] of [
  ['2026-01-31T12:00:00', 'P1M', '2026-02-28T12:00:00'],
  ['2024-01-31T12:00:00', 'P1M', '2024-02-29T12:00:00'],
  ['2024-02-29T00:00:00', 'P1Y', '2025-02-28T00:00:00'],
  ['2026-11-30T23:59:59', 'P3M', '2027-02-28T23:59:59'],
  ['2026-03-28T01:30:00', 'P1D', '2026-03-29T01:30:00'],
  ['2026-01-01T00:00:00', 'P90D', '2026-04-01T00:00:00'],
  ['2026-01-01T00:00:00', 'P1Y10D', '2027-01-11T00:00:00'],
  ['2026-01-01T00:00:00', 'P2W', '2026-01-15T00:00:00'],
  ['2026-01-01T00:00:00', 'PT48H', '2026-01-03T00:00:00'],
  ['2026-01-01T00:00:00', 'P1Y2M3DT4H5M6S', '2027-03-04T04:05:06'],
] as const) {
  test(`${duration} after ${from} is ${to}`, (t) => {
    t.is(laterBy(utc(from), duration), utc(to));
  });
}

const TAKEN: readonly RotationRules[] = [
  rules(undefined),
  rules('P28D'),
  rules('P90D', rotate({ timeAfterCreate: 'P30D' })),
  rules(undefined, rotate({ timeAfterCreate: 'P28D' })),
  rules(undefined, rotate({ timeAfterCreate: 'P1M' })),
  rules(undefined, rotate({ timeAfterCreate: 'PT672H' })),
  rules('P56D', rotate({ timeBeforeExpiry: 'P28D' })),
  rules('P1Y', rotate({ timeBeforeExpiry: 'P1D' }), notify({ timeBeforeExpiry: 'P30D' })),
  rules('P1Y', notify({ timeBeforeExpiry: 'P30D' }), rotate({ timeAfterCreate: 'P6M' })),
  rules(undefined, notify({ timeBeforeExpiry: 'P30D' })),
  rules(undefined, rotate({}), notify({})),
  rules('P100Y', rotate({ timeAfterCreate: 'P36500D' })),
];

const REFUSED: readonly RotationRules[] = [
  ...['', 'P', 'PT', 'P1DT', '28D', 'P28', 'p90d', 'P-30D', 'P1.5M', 'P30D ', 'P1D1M', 'P0D', 'P101Y'].map((text) =>
    rules(text),
  ),
  rules(`P${'9'.repeat(400)}D`),
  rules(90 as unknown as string),
  rules('P27D'),
  rules('PT671H'),
  rules(undefined, rotate({ timeAfterCreate: 'P27D' })),
  rules(undefined, rotate({ timeAfterCreate: 'PT48H' })),
  rules('P90D', rotate({ timeBeforeExpiry: 'P63D' })),
  rules('P28D', rotate({ timeBeforeExpiry: 'P1D' })),
  rules(undefined, rotate({ timeBeforeExpiry: 'P30D' })),
  rules('P90D', notify({ timeAfterCreate: 'P30D' })),
  rules('P90D', notify({ timeBeforeExpiry: 'P91D' })),
  rules('P90D', rotate({ timeAfterCreate: 'P30D' }), rotate({ timeAfterCreate: 'P60D' })),
  rules('P90D', notify({}), notify({})),
  rules('P90D', rotate({}), notify({}), rotate({})),
  rules('P90D', { ...rotate({}), action: 'Delete' as 'Rotate' }),
];

test('rules within Azure’s are taken as they are', (t) => {
  for (const each of TAKEN) t.deepEqual(requireRotationRules(each), each, JSON.stringify(each));
});

test('rules that are no rules, or that rotate too often, are refused', (t) => {
  for (const each of REFUSED) {
    const expected = { instanceOf: StrongroomError, code: 'BadParameter' };
    t.throws(() => requireRotationRules(each), expected, JSON.stringify(each).slice(0, 200));
  }
});

test('without actions and without an expiry there is no policy', (t) => {
  t.true(isWithoutRules(rules(undefined)));
  t.false(isWithoutRules(rules('P90D')));
  t.false(isWithoutRules(rules(undefined, rotate({}))));
});

const CREATED = utc('2026-01-01T00:00:00');
const version = { created: CREATED, expires: undefined, enabled: true };

test('a version is rotated so long after its creation, or so long before its expiry, whichever comes first', (t) => {
  const byAge = rules('P1Y', rotate({ timeAfterCreate: 'P3M' }));
  t.is(nextRotation(byAge, version), utc('2026-04-01T00:00:00'));
  const byExpiry = rules('P1Y', rotate({ timeBeforeExpiry: 'P1M' }));
  t.is(nextRotation(byExpiry, { ...version, expires: utc('2027-03-31T00:00:00') }), utc('2027-02-28T00:00:00'));
  const both = rules('P1Y', rotate({ timeAfterCreate: 'P3M', timeBeforeExpiry: 'P1M' }));
  t.is(nextRotation(both, { ...version, expires: utc('2026-03-01T00:00:00') }), utc('2026-02-01T00:00:00'));
  t.is(nextRotation(both, { ...version, expires: utc('2028-01-01T00:00:00') }), utc('2026-04-01T00:00:00'));
});

test('a version is never rotated without a policy, without a trigger, by Notify, before no expiry, or while it is disabled', (t) => {
  t.is(nextRotation(undefined, version), undefined);
  t.is(nextRotation(rules('P1Y'), version), undefined);
  t.is(nextRotation(rules('P1Y', rotate({})), version), undefined);
  t.is(nextRotation(rules('P1Y', notify({ timeBeforeExpiry: 'P30D' })), { ...version, expires: 1 }), undefined);
  t.is(nextRotation(rules('P1Y', rotate({ timeBeforeExpiry: 'P30D' })), version), undefined);
  const byAge = rules(undefined, rotate({ timeAfterCreate: 'P3M' }));
  t.is(nextRotation(byAge, { ...version, enabled: false }), undefined);
});

test('what a policy makes of a version leaves the least time between two rotations', (t) => {
  for (const { expiryTime, lifetimeActions } of TAKEN) {
    const rotation = lifetimeActions.find(({ action }) => action === 'Rotate');
    if (rotation?.timeBeforeExpiry === undefined || expiryTime === undefined) continue;
    const due = nextRotation({ expiryTime, lifetimeActions }, { ...version, expires: laterBy(CREATED, expiryTime) });
    t.true((due as number) - CREATED >= LIMITS.rotationDaysLeast * 86_400);
  }
});
