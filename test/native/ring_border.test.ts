import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import {
  COMPLETION,
  type NativeDoorbell,
  type NativeRing,
  nativeAddon,
  OUTCOME,
  REQUEST,
  RING_OPERATION,
} from '../../src/pkcs11/binding.ts';
import { USER_PIN } from '../pool/pool_token.ts';
import { TrafficToken } from './traffic_token.ts';

const PROGRAM = fileURLToPath(new URL('program_with_lanes.mjs', import.meta.url));
const token = await TrafficToken.make();
test.after.always(() => token.remove());

const OPTIONS = { lanes: 1, slots: 8, arenaBlocks: 1 };
const addon = nativeAddon();

function openRing(): { ring: NativeRing; doorbell: NativeDoorbell } {
  const doorbell = new addon.Doorbell(() => undefined);
  doorbell.unref();
  return { ring: new addon.Ring(OPTIONS, doorbell), doorbell };
}

/** Two requests as they are on the wire, written by hand. The second has an input of 5 bytes. */
function staging(): Uint8Array {
  const bytes = new Uint8Array(2 * REQUEST.headerLength + 8);
  const view = new DataView(bytes.buffer);
  for (const [start, length, input] of [
    [0, REQUEST.headerLength, 0],
    [REQUEST.headerLength, REQUEST.headerLength + 8, 5],
  ] as const) {
    view.setUint32(start + REQUEST.recordLength, length, true);
    view.setUint16(start + REQUEST.operation, RING_OPERATION.random, true);
    view.setUint32(start + REQUEST.requestId, 100 + start, true);
    view.setUint32(start + REQUEST.capacity, 16, true);
    view.setUint32(start + REQUEST.inputLength, input, true);
  }
  bytes.set([1, 2, 3, 4, 5], 2 * REQUEST.headerLength);
  return bytes;
}

const SECOND = REQUEST.headerLength;
const MALFORMED: Readonly<Record<string, (view: DataView) => void>> = {
  'a record without length': (view) => view.setUint32(SECOND, 0, true),
  'a record shorter than its sections': (view) => view.setUint32(SECOND, REQUEST.headerLength, true),
  'a record longer than the buffer': (view) => view.setUint32(SECOND, 0xffff_fff8, true),
  'no operation': (view) => view.setUint16(SECOND + REQUEST.operation, 0, true),
  'an operation that there is not': (view) => view.setUint16(SECOND + REQUEST.operation, 23, true),
  'a kind of parameter that there is not': (view) => view.setUint16(SECOND + REQUEST.parameterKind, 5, true),
  'an input past the record': (view) => view.setUint32(SECOND + REQUEST.inputLength, 9, true),
  'an input of 4 GiB': (view) => view.setUint32(SECOND + REQUEST.inputLength, 0xffff_ffff, true),
  'lengths whose sum wraps': (view) => {
    view.setUint32(SECOND + REQUEST.parameterLength, 0x8000_0000, true);
    view.setUint32(SECOND + REQUEST.templateLength, 0x8000_0000, true);
  },
  'an answer longer than a block': (view) => view.setUint32(SECOND + REQUEST.capacity, 1 << 20, true),
};

for (const [fault, damage] of Object.entries(MALFORMED)) {
  test(`${fault} in the staging buffer is a TypeError, and nothing of it is taken`, (t) => {
    const { ring, doorbell } = openRing();
    const bytes = staging();
    damage(new DataView(bytes.buffer));
    const before = bytes.slice();
    t.throws(() => ring.submit(bytes, bytes.length), { instanceOf: TypeError, message: /^malformed staging buffer: / });
    t.deepEqual(bytes, before);
    ring.abandon();
    t.is(ring.drain(new Uint8Array(1_000)), 0);
    ring.close();
    doorbell.close();
  });
}

test('arguments of the wrong kind are a TypeError', (t) => {
  const { ring, doorbell } = openRing();
  const bytes = staging();
  const wrong: (() => unknown)[] = [
    () => ring.submit(bytes, bytes.length + 1),
    () => ring.submit(bytes, -1),
    () => ring.submit(bytes, 1.5),
    () => ring.submit(bytes, Number.NaN),
    () => ring.submit(bytes.subarray(0, REQUEST.headerLength - 1), REQUEST.headerLength - 1),
    () => ring.submit([1, 2, 3] as unknown as Uint8Array, 3),
    () => ring.submit(undefined as unknown as Uint8Array, 0),
    () => ring.submit(new Uint8Array(new SharedArrayBuffer(256)), 256),
    () => ring.drain(new Float64Array(10) as unknown as Uint8Array),
    () => ring.laneStatus(new Float64Array(2)),
    () => ring.orderLanes(0),
    () => ring.orderLanes(OPTIONS.lanes + 1),
    () => ring.orderLanes('many' as unknown as number),
    () => new addon.Ring({ ...OPTIONS, slots: 7 }, doorbell),
    () => new addon.Ring({ ...OPTIONS, lanes: 0 }, doorbell),
    () => new addon.Ring({ ...OPTIONS, lanes: 65 }, doorbell),
    () => new addon.Ring({ ...OPTIONS, arenaBlocks: -1 }, doorbell),
    () => new addon.Ring(OPTIONS, {} as NativeDoorbell),
    () => new addon.Ring(undefined as unknown as typeof OPTIONS, doorbell),
    () => new addon.Doorbell('ring' as unknown as () => void),
    () => new addon.ThreadHost({} as NativeRing, {} as never),
    () => new addon.ThreadHost(ring, { module: 1 } as never),
    () => Reflect.apply(ring.submit, {}, [bytes, bytes.length]),
  ];
  for (const attempt of wrong) t.throws(attempt, { instanceOf: TypeError }, attempt.toString());
  t.is(ring.submit(bytes, bytes.length), bytes.length, 'the ring works all the same');
  t.true(
    bytes.every((byte) => byte === 0),
    'what was taken is zeroised',
  );
  ring.close();
  doorbell.close();
});

test('a closed ring is a TypeError, closing it again is nothing', (t) => {
  const { ring, doorbell } = openRing();
  ring.close();
  ring.close();
  for (const attempt of [
    () => ring.submit(staging(), 8),
    () => ring.drain(new Uint8Array(100)),
    () => ring.hostStatus(),
    () => ring.laneStatus(new Float64Array(3)),
    () => ring.laneCount(),
    () => ring.orderLanes(1),
    () => ring.abandon(),
  ]) {
    t.throws(attempt, { instanceOf: TypeError, message: 'the ring is closed' });
  }
  doorbell.close();
  doorbell.close();
  t.throws(() => new addon.Ring(OPTIONS, doorbell), { instanceOf: TypeError });
});

test('what no lane took comes back as not started, and a buffer that is too short for it is a TypeError', (t) => {
  const { ring, doorbell } = openRing();
  const bytes = staging();
  t.is(ring.submit(bytes, bytes.length), bytes.length);
  t.is(ring.drain(new Uint8Array(0)), 0);
  ring.abandon();
  t.throws(() => ring.drain(new Uint8Array(COMPLETION.headerLength - 1)), { instanceOf: TypeError });
  const completions = new Uint8Array(2 * COMPLETION.headerLength);
  t.is(ring.drain(completions), completions.length);
  const view = new DataView(completions.buffer);
  for (const [start, requestId] of [
    [0, 100],
    [COMPLETION.headerLength, 100 + SECOND],
  ] as const) {
    t.is(view.getUint32(start + COMPLETION.requestId, true), requestId);
    t.is(view.getUint16(start + COMPLETION.outcome, true), OUTCOME.notStarted);
  }
  t.is(ring.submit(staging(), REQUEST.headerLength), 0, 'nothing can be submitted any more');
  ring.close();
  doorbell.close();
});

test.serial('rings and doorbells that nobody holds any more give their memory and descriptors back', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const doorbell = new addon.Doorbell(() => undefined);
  doorbell.unref();
  const before = descriptors();
  const fill = (): void => {
    for (let i = 0; i < 50; i++) {
      const ring = new addon.Ring(OPTIONS, doorbell);
      ring.submit(staging(), REQUEST.headerLength);
    }
  };
  fill();
  t.is(descriptors(), before + 50);
  for (let turn = 0; turn < 20 && descriptors() > before; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.is(descriptors(), before);
  doorbell.close();
});

const ENDINGS = [
  { ending: 'runOut', code: 0, signal: null },
  { ending: 'exit', code: 0, signal: null },
  { ending: 'exitUnderLoad', code: 0, signal: null },
  { ending: 'throw', code: 1, signal: null },
  { ending: 'killUnderLoad', code: null, signal: 'SIGKILL' },
] as const;

async function runProgram(isolation: string, ending: string) {
  const child = spawn(process.execPath, [PROGRAM, isolation, ending, token.serial], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(USER_PIN);
  let output = '';
  let errors = '';
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, hostPid: Number(output), errors };
}

/** Gone, or dead and not yet collected by the process that inherited it. */
function isDead(pid: number): boolean {
  try {
    return /^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

async function dies(pid: number): Promise<boolean> {
  for (let i = 0; i < 100 && !isDead(pid); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  return isDead(pid);
}

for (const isolation of ['process', 'thread']) {
  for (const { ending, code, signal } of ENDINGS) {
    test.serial(`a program with lanes in a ${isolation} ends by ${ending} without having stopped them`, async (t) => {
      const ended = await runProgram(isolation, ending);
      t.deepEqual([ended.code, ended.signal], [code, signal], ended.errors);
      if (isolation === 'process') {
        t.true(ended.hostPid > 0);
        t.true(await dies(ended.hostPid), 'the host is gone with it');
      }
    });
  }
}
