import test from 'ava';
import { LIMITS } from '../../src/model/limits.ts';
import { OUTCOME, PARAMETER_KIND, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import { Doorbell } from '../../src/pool/doorbell.ts';
import type { Completion } from '../../src/pool/hsm_host.ts';
import { RingClient } from '../../src/pool/ring_client.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { FakeRing } from './fake_ring.ts';

function fixture(slots = 16) {
  let ring: () => void = () => undefined;
  const references: string[] = [];
  const doorbell = new Doorbell((onRing) => {
    ring = onRing;
    return {
      fd: -1,
      ref: () => references.push('ref'),
      unref: () => references.push('unref'),
      close: () => undefined,
    };
  });
  const native = new FakeRing();
  const client = new RingClient(native, doorbell, slots);
  return { native, client, doorbell, references, ring: () => ring() };
}

const nothing = (): void => undefined;
const random = ringRequest(RING_OPERATION.random, { capacity: 32 });
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('a request crosses field by field, its sections on multiples of eight bytes', async (t) => {
  const { client, native } = fixture();
  client.submit(
    ringRequest(RING_OPERATION.unwrap, {
      mechanism: 0x8000_2109,
      parameterKind: PARAMETER_KIND.raw,
      object: 2 ** 40 + 5,
      object2: 0xffff_ffff,
      parameter: bytes(1),
      input: bytes(1, 2, 3, 4, 5, 6, 7, 8),
      input2: bytes(9, 10),
      template: bytes(11, 12, 13),
      template2: bytes(14),
      capacity: 100,
      timeoutMs: 5_000,
    }),
    nothing,
  );
  await nextTurn();
  const [seen] = native.seen;
  t.like(seen, {
    operation: RING_OPERATION.unwrap,
    parameterKind: PARAMETER_KIND.raw,
    mechanism: 0x8000_2109,
    capacity: 100,
    timeoutMs: 5_000,
    object: 2n ** 40n + 5n,
    object2: 0xffff_ffffn,
  });
  t.deepEqual(
    seen?.sections.map((section) => [...section]),
    [[1], [1, 2, 3, 4, 5, 6, 7, 8], [9, 10], [11, 12, 13], [14]],
  );
});

test('a request may be changed once it was submitted', async (t) => {
  const { client, native } = fixture();
  const input = bytes(1, 2, 3);
  client.submit(ringRequest(RING_OPERATION.sign, { input }), nothing);
  input.fill(0);
  await nextTurn();
  t.deepEqual([...(native.seen[0]?.sections[1] ?? [])], [1, 2, 3]);
});

test('everything of one turn crosses in one call, continuations of promises included', async (t) => {
  const { client, native } = fixture();
  client.submit(random, nothing);
  for (let i = 0; i < 5; i++) {
    void Promise.resolve()
      .then(() => undefined)
      .then(() => client.submit(random, nothing));
  }
  process.nextTick(() => client.submit(random, nothing));
  await nextTurn();
  t.deepEqual(
    native.submissions.map((wave) => wave.length),
    [7],
  );
});

test('what finds no slot is submitted after the next drain, in order and without gaps', async (t) => {
  const { client, native, ring } = fixture();
  native.slots = 2;
  const answers: number[] = [];
  for (let i = 0; i < 6; i++) {
    client.submit(ringRequest(RING_OPERATION.sign, { object: i, input: bytes(i, i) }), ({ answer }) =>
      answers.push(answer[0] as number),
    );
  }
  await nextTurn();
  t.is(native.seen.length, 2);
  t.true(client.backlog > 0);
  for (let taken = 0; taken < 6; taken += 2) {
    for (const { requestId, object } of native.seen.slice(taken, taken + 2))
      native.answer(requestId, bytes(Number(object)));
    ring();
  }
  t.deepEqual(
    native.seen.map(({ object, sections }) => [Number(object), ...(sections[1] ?? [])]),
    [0, 1, 2, 3, 4, 5].map((i) => [i, i, i]),
  );
  t.deepEqual(answers, [0, 1, 2, 3, 4, 5]);
  t.is(client.backlog, 0);
  t.is(client.inFlight, 0);
});

test('a completion arrives with all its fields, its answer in memory of its own', async (t) => {
  const { client, native, ring } = fixture();
  const completions: Completion[] = [];
  client.submit(ringRequest(RING_OPERATION.decrypt), (completion) => completions.push(completion));
  client.submit(ringRequest(RING_OPERATION.decrypt), (completion) => completions.push(completion));
  await nextTurn();
  for (const { requestId } of native.seen) native.answer(requestId, new Uint8Array(200).fill(requestId + 1));
  ring();
  const [first, second] = completions;
  t.like(first, { outcome: OUTCOME.done, function: 7, returnValue: 0, answerLength: 200, serviceTimeUs: 42 });
  t.deepEqual([...new Set(first?.answer)], [1]);
  t.deepEqual([...new Set(second?.answer)], [2]);
  t.is(first?.answer.buffer.byteLength, 200, 'plaintext shares its memory with nobody');
});

test('a length that would have been needed comes without an answer', async (t) => {
  const { client, native, ring } = fixture();
  const completions: Completion[] = [];
  client.submit(random, (completion) => completions.push(completion));
  await nextTurn();
  const { CKR_BUFFER_TOO_SMALL: returnValue } = RETURN_VALUE;
  native.answer(native.seen[0]?.requestId ?? -1, bytes(), { returnValue, answerLength: 512 });
  ring();
  t.like(completions[0], { returnValue, answerLength: 512 });
  t.is(completions[0]?.answer.length, 0);
});

test('no request is answered twice, and an answer to nobody is dropped', async (t) => {
  const { client, native, ring } = fixture();
  let answers = 0;
  client.submit(random, () => answers++);
  await nextTurn();
  const { requestId } = native.seen[0] as { requestId: number };
  native.answer(requestId, bytes(1));
  native.answer(requestId, bytes(2));
  native.answer(requestId + 7, bytes(3));
  ring();
  t.is(answers, 1);
  t.is(client.inFlight, 0);
  let late = 0;
  client.submit(random, () => late++);
  await nextTurn();
  native.answer(requestId, bytes(4));
  ring();
  t.is(late, 0, 'the place is taken again, under another id');
});

test('one turn of the event loop delivers at most the limit', async (t) => {
  const { client, native, ring } = fixture();
  const count = LIMITS.completionsPerTurn + 10;
  let answers = 0;
  for (let i = 0; i < count; i++) client.submit(random, () => answers++);
  await nextTurn();
  for (const { requestId } of native.seen) native.answer(requestId, bytes(1, 2, 3));
  ring();
  t.is(answers, LIMITS.completionsPerTurn);
  await nextTurn();
  t.is(answers, count, 'the rest comes in the next turn, without another ring of the bell');
});

test('a request that was given up settles once, and its late answer meets nobody', async (t) => {
  const { client, native, ring } = fixture();
  const outcomes: number[] = [];
  client.submit(random, ({ outcome }) => outcomes.push(outcome));
  await nextTurn();
  const { requestId } = native.seen[0] as { requestId: number };
  t.true(client.giveUp(requestId, OUTCOME.unknown));
  t.false(client.giveUp(requestId, OUTCOME.unknown));
  native.answer(requestId, bytes(1));
  ring();
  t.deepEqual(outcomes, [OUTCOME.unknown]);
});

test('an abandoned ring delivers what was finished and ends all else as not started', async (t) => {
  const { client, native } = fixture();
  native.slots = 1;
  const outcomes: number[] = [];
  for (let i = 0; i < 3; i++) client.submit(random, ({ outcome }) => outcomes.push(outcome));
  await nextTurn();
  native.answer(native.seen[0]?.requestId ?? -1, bytes(1));
  client.abandon();
  t.deepEqual(outcomes, [OUTCOME.done, OUTCOME.notStarted, OUTCOME.notStarted]);
  client.submit(random, ({ outcome }) => outcomes.push(outcome));
  t.is(outcomes.length, 3, 'never from inside submit');
  await nextTurn();
  t.is(outcomes[3], OUTCOME.notStarted);
  t.is(client.inFlight, 0);
});

test('values of 60 KiB cross too, many in one turn, and no larger ones', async (t) => {
  const { client, native } = fixture();
  const input = new Uint8Array(LIMITS.operationInputBytes).fill(9);
  for (let i = 0; i < 5; i++) client.submit(ringRequest(RING_OPERATION.encrypt, { input }), nothing);
  await nextTurn();
  t.is(native.seen.length, 5);
  t.true(native.seen.every(({ sections }) => Buffer.compare(sections[1] as Buffer, input) === 0));
  const tooLong = ringRequest(RING_OPERATION.encrypt, { input: new Uint8Array(80 * 1024) });
  t.throws(() => client.submit(tooLong, nothing), { instanceOf: TypeError });
  t.is(client.inFlight, 5);
});

test('the event loop is kept alive only while answers are awaited', async (t) => {
  const { client, native, ring, references } = fixture();
  t.deepEqual(references, ['unref']);
  client.submit(random, nothing);
  client.submit(random, nothing);
  await nextTurn();
  t.deepEqual(references, ['unref', 'ref']);
  for (const { requestId } of native.seen) native.answer(requestId, bytes(1));
  ring();
  t.deepEqual(references, ['unref', 'ref', 'unref']);
});

test('more requests than the table had places for find one', async (t) => {
  const { client, native, ring } = fixture(4);
  const answers = new Set<number>();
  for (let i = 0; i < 50; i++) {
    client.submit(ringRequest(RING_OPERATION.sign, { object: i }), ({ answer }) => answers.add(answer[0] as number));
  }
  await nextTurn();
  for (const { requestId, object } of native.seen) native.answer(requestId, bytes(Number(object)));
  ring();
  t.is(answers.size, 50);
});

test('a receiver may submit and abandon from inside its answer', async (t) => {
  const { client, native, ring } = fixture();
  const outcomes: string[] = [];
  client.submit(random, ({ outcome }) => {
    outcomes.push(`first ${outcome}`);
    client.submit(random, (later) => outcomes.push(`later ${later.outcome}`));
    client.abandon();
  });
  client.submit(random, ({ outcome }) => outcomes.push(`second ${outcome}`));
  await nextTurn();
  for (const { requestId } of native.seen) native.answer(requestId, bytes(1));
  ring();
  t.deepEqual(outcomes, [`first ${OUTCOME.done}`, `second ${OUTCOME.done}`, `later ${OUTCOME.notStarted}`]);
});

test('a receiver may even close the ring', async (t) => {
  const { client, native, ring } = fixture();
  let answers = 0;
  client.submit(random, () => {
    answers++;
    client.abandon();
    client.close();
    native.drain = () => {
      throw new TypeError('the ring is closed');
    };
  });
  await nextTurn();
  native.answer(native.seen[0]?.requestId ?? -1, bytes(1));
  t.notThrows(ring);
  t.is(answers, 1);
  t.true(native.closed);
});
