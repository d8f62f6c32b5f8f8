import test from 'ava';
import { newRequestId } from '../../src/server/request_id.ts';

/** The time in a UUID of version 1, in ticks of 100 ns since 15 October 1582. */
function ticksOf(id: string): bigint {
  const [low = '', middle = '', high = ''] = id.split('-');
  return BigInt(`0x${high.slice(1)}${middle}${low}`);
}

test('request ids are UUIDs of version 1 that carry the time', (t) => {
  const before = Date.now();
  const id = newRequestId();
  t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const ms = Number((ticksOf(id) - 122_192_928_000_000_000n) / 10_000n);
  t.true(ms >= before && ms <= Date.now() + 1, `${ms}`);
});

test('request ids rise and never repeat', (t) => {
  let last = 0n;
  for (let i = 0; i < 100_000; i++) {
    const ticks = ticksOf(newRequestId());
    if (ticks <= last) t.fail(`${ticks} after ${last}`);
    last = ticks;
  }
  t.pass();
});
