import test from 'ava';
import { choosePrimary, type Primary, type SeenHost } from '../../src/store/choose_primary.ts';
import type { PrimaryTerm, Standing } from '../../src/store/postgres_standing.ts';

const term = (timeline: number, { system = 's', started = '1' }: Partial<PrimaryTerm> = {}): PrimaryTerm => ({
  system,
  timeline,
  started,
});
const primary = (own: PrimaryTerm | undefined): Standing => ({ standsBy: false, takesChanges: true, term: own });
const STANDBY: Standing = { standsBy: true, takesChanges: false, term: undefined };
const SILENT = undefined;
const seen = (a: Standing | undefined, b: Standing | undefined): SeenHost<string>[] => [
  { host: 'a', standing: a },
  { host: 'b', standing: b },
];
const AT_A: Primary<string> = { host: 'a', term: term(2) };

test('at first it is the one that takes changes, wherever it stands in the address', (t) => {
  t.deepEqual(choosePrimary(undefined, seen(STANDBY, primary(term(1)))), { host: 'b', term: term(1) });
  t.deepEqual(choosePrimary(undefined, seen(SILENT, primary(term(1)))), { host: 'b', term: term(1) });
  t.is(choosePrimary(undefined, seen(STANDBY, SILENT)), undefined);
});

test('of two that take changes, at first, it is the one that was promoted last', (t) => {
  t.deepEqual(choosePrimary(undefined, seen(primary(term(1)), primary(term(2, { started: '2' })))), {
    host: 'b',
    term: term(2, { started: '2' }),
  });
});

test('two that take changes, of which none comes after the other, are refused at first', (t) => {
  t.is(choosePrimary(undefined, seen(primary(term(2)), primary(term(2, { started: '2' })))), 'split');
  t.is(choosePrimary(undefined, seen(primary(term(2)), primary(term(3, { system: 'other' })))), 'split');
});

test('two ways to one server are no two servers', (t) => {
  t.like(choosePrimary(undefined, seen(primary(term(2)), primary(term(2)))), { host: 'a' });
  t.like(choosePrimary(AT_A, seen(SILENT, primary(term(2)))), { host: 'b' });
});

test('a standby that was promoted is followed, whatever its predecessor says', (t) => {
  const promoted = primary(term(3, { started: '2' }));
  for (const former of [SILENT, STANDBY, primary(term(2))]) {
    t.like(choosePrimary(AT_A, seen(former, promoted)), { host: 'b', term: { timeline: 3 } });
  }
});

test('a former primary is never gone back to, and nothing else that does not come after the present one', (t) => {
  for (const other of [
    primary(term(1)),
    primary(term(2, { started: '2' })),
    primary(term(9, { system: 'other' })),
    primary(undefined),
    STANDBY,
  ]) {
    for (const own of [SILENT, STANDBY, primary(term(2))]) t.like(choosePrimary(AT_A, seen(own, other)), { host: 'a' });
  }
});

test('of two that were promoted at once none is followed', (t) => {
  const three = [...seen(SILENT, primary(term(3))), { host: 'c', standing: primary(term(3, { started: '2' })) }];
  t.is(choosePrimary(AT_A, three), 'split');
});

test('a primary that was started again stays the one', (t) => {
  t.deepEqual(choosePrimary(AT_A, seen(primary(term(2, { started: '5' })), STANDBY)), {
    host: 'a',
    term: term(2, { started: '5' }),
  });
});

test('where all nodes take changes and know no timelines, the next one does when one is silent', (t) => {
  const node = primary(undefined);
  t.like(choosePrimary(undefined, seen(node, node)), { host: 'a' });
  const current = { host: 'a', term: undefined };
  t.like(choosePrimary(current, seen(node, node)), { host: 'a' });
  t.like(choosePrimary(current, seen(SILENT, node)), { host: 'b' });
  t.like(choosePrimary({ host: 'b', term: undefined }, seen(SILENT, node)), { host: 'b' });
});
