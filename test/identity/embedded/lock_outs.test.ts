import test from 'ava';
import { LockOuts } from '../../../src/identity/embedded/lock_outs.ts';

const MINUTE_MS = 60_000;
const HOME = '192.0.2.1';
const ELSEWHERE = '198.51.100.7';

function lockOuts() {
  const clock = { nowMs: 1_000_000 };
  return { clock, locks: new LockOuts(() => clock.nowMs) };
}

function fail(locks: LockOuts, count: number, address = ELSEWHERE, user = 'alice'): boolean {
  let locked = false;
  for (let n = 0; n < count; n++) locked = locks.attempt(user, address);
  return locked;
}

test('nine failures lock nobody out, the tenth does', (t) => {
  const { locks } = lockOuts();
  t.false(fail(locks, 9));
  t.false(locks.isLocked('alice', ELSEWHERE));
  t.true(fail(locks, 1));
  t.true(locks.isLocked('alice', ELSEWHERE));
  t.true(locks.isLocked('alice', '203.0.113.9'), 'from every other address too');
  t.false(locks.isLocked('bob', ELSEWHERE));
});

test('a lock ends by itself after a minute; it doubles with each further failure, up to a quarter of an hour', (t) => {
  const { clock, locks } = lockOuts();
  fail(locks, 10);
  for (const minutes of [1, 2, 4, 8, 15, 15]) {
    clock.nowMs += minutes * MINUTE_MS - 1;
    t.true(locks.isLocked('alice', ELSEWHERE), `${minutes} minutes`);
    clock.nowMs += 1;
    t.false(locks.isLocked('alice', ELSEWHERE), `${minutes} minutes`);
    fail(locks, 1);
  }
});

test('a success makes good what was before', (t) => {
  const { locks } = lockOuts();
  fail(locks, 9);
  locks.succeeded('alice', ELSEWHERE);
  t.false(fail(locks, 9));
});

test('failures of an hour ago are forgotten', (t) => {
  const { clock, locks } = lockOuts();
  fail(locks, 9);
  clock.nowMs += 60 * MINUTE_MS + 1;
  t.false(fail(locks, 9));
});

test('a stranger who guesses does not lock out the owner at an address from which the owner has signed in', (t) => {
  const { locks } = lockOuts();
  locks.succeeded('alice', HOME);
  t.true(fail(locks, 50, ELSEWHERE));
  t.true(locks.isLocked('alice', ELSEWHERE));
  t.false(locks.isLocked('alice', HOME));
});

test('guesses from the familiar address lock that address, and not the world', (t) => {
  const { locks } = lockOuts();
  locks.succeeded('alice', HOME);
  t.true(fail(locks, 10, HOME));
  t.true(locks.isLocked('alice', HOME));
  t.false(locks.isLocked('alice', ELSEWHERE));
});

test('no choice of name and address is another pair in disguise', (t) => {
  const { locks } = lockOuts();
  locks.succeeded('alice', HOME);
  fail(locks, 10, ELSEWHERE, JSON.stringify(['alice', HOME]));
  t.false(locks.isLocked('alice', HOME));
});
