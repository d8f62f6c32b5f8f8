import test from 'ava';
import type { RingHost } from '../../src/pool/ring_host.ts';
import { SessionLosses } from '../../src/pool/session_losses.ts';

function hostOf(lanes: number, alive = true): RingHost {
  return { lanes, alive } as unknown as RingHost;
}

/** What is said of each loss, in the order in which they come. */
function verdicts(hosts: readonly RingHost[], ...losses: readonly (readonly [host: RingHost, atMs: number])[]) {
  const sessions = new SessionLosses();
  return losses.map(([host, atMs]) => sessions.record(host, hosts, atMs));
}

test('more than half of the sessions within a second are those of the token', (t) => {
  const host = hostOf(4);
  t.deepEqual(verdicts([host], [host, 0], [host, 10], [host, 999]), [false, false, true]);
});

test('losses that are a second apart are matters of their sessions', (t) => {
  const host = hostOf(4);
  t.deepEqual(verdicts([host], [host, 0], [host, 10], [host, 1_000], [host, 1_500]), [false, false, false, false]);
});

test('one loss alone is never that of the token, not of its only session', (t) => {
  const host = hostOf(1);
  t.deepEqual(verdicts([host], [host, 0], [host, 2_000], [host, 2_001]), [false, false, true]);
});

test('a host that loses session after session counts for no more than it has', (t) => {
  const sick = hostOf(1);
  const hosts = [sick, hostOf(1)];
  t.deepEqual(verdicts(hosts, [sick, 0], [sick, 1], [sick, 2]), [false, false, false]);
  t.deepEqual(verdicts(hosts, [sick, 0], [hosts[1] as RingHost, 1]), [false, true]);
});

test('a host that is replaced for what it lost has lost all of its sessions', (t) => {
  const gone = hostOf(8, false);
  const other = hostOf(4);
  t.deepEqual(verdicts([other], [gone, 0], [gone, 1]), [false, true]);
});

test('a host that is replaced for another reason has lost none', (t) => {
  const host = hostOf(4);
  t.deepEqual(verdicts([host, hostOf(8, false)], [host, 0], [host, 1], [host, 2]), [false, false, false]);
});
