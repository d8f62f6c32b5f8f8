import { COMPLETION, type NativeRing, OUTCOME, type Outcome } from '../pkcs11/binding.ts';
import { AnswerCopy } from './answer_copy.ts';
import type { Doorbell } from './doorbell.ts';
import type { Completion, RingRequest } from './hsm_host.ts';
import { type Leaver, PendingRequests, type Settle } from './pending_requests.ts';
import { LONGEST_PAYLOAD, Staging } from './staging.ts';

const WORD = 4;
const COMPLETION_BYTES = COMPLETION.headerLength + LONGEST_PAYLOAD;
const RESOLVED = Promise.resolve();

/**
 * The JavaScript side of one ring. This is the hot path: requests are encoded at once into a staging buffer and cross in one native call
 * per turn, after the microtask queue has drained, so that a whole wave of continuations travels together; answers come back many at a time.
 */
export class RingClient {
  /** Requests submitted and not answered yet. */
  inFlight = 0;
  /** Answers delivered since the ring was made: the watchdog sees from it whether anything moves. */
  delivered = 0;
  readonly #native: NativeRing;
  readonly #doorbell: Doorbell;
  readonly #pending: PendingRequests;
  readonly #staging = new Staging();
  readonly #answers = new AnswerCopy();
  readonly #completions = new Uint8Array(COMPLETION_BYTES);
  readonly #words = new Uint32Array(this.#completions.buffer);
  /** What of the completion buffer is still to be delivered. */
  #cursor = 0;
  #end = 0;
  #flushScheduled = false;
  #abandoned = false;
  #closed = false;

  constructor(native: NativeRing, doorbell: Doorbell, slots: number) {
    this.#native = native;
    this.#doorbell = doorbell;
    this.#pending = new PendingRequests(slots);
    doorbell.add(this);
  }

  /** Bytes that wait for a free slot or arena block: while there are any, more work had better wait outside. */
  get backlog(): number {
    return this.#flushScheduled ? 0 : this.#staging.length;
  }

  /** `leaver` is whoever waits, where he need not. */
  submit(request: RingRequest, settle: Settle, leaver?: Leaver): void {
    if (this.#abandoned) {
      process.nextTick(settle, unanswered(OUTCOME.notStarted));
      return;
    }
    if (this.#staging.full) this.#flush();
    const requestId = this.#pending.add(request.operation, settle, leaver);
    try {
      this.#staging.append(request, requestId);
    } catch (error) {
      this.#pending.remove(requestId);
      throw error;
    }
    this.inFlight++;
    this.#doorbell.expect();
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      void RESOLVED.then(this.#scheduleFlush);
    }
  }

  /** Delivers at most `budget` answers and answers how many it were. */
  drain(budget: number): number {
    let left = budget;
    while (left > 0) {
      if (this.#cursor === this.#end && !this.#refill()) break;
      if (this.#deliver()) left--;
    }
    if (this.#staging.length > 0 && !this.#flushScheduled) this.#flush();
    return budget - left;
  }

  /** Ends the wait for a request that a lane may never finish. What it answers later is dropped. */
  giveUp(requestId: number, outcome: Outcome): boolean {
    const settle = this.#pending.remove(requestId);
    if (settle === undefined) return false;
    this.#answered();
    settleSafely(settle, unanswered(outcome));
    return true;
  }

  /** Whoever waits for one of these requests, or for any, goes elsewhere if he may. The answers still come, and still count as awaited. */
  leave(requestIds: readonly number[] = this.#pending.all()): void {
    for (const requestId of requestIds) this.#pending.leave(requestId);
  }

  /** The host is gone: what it finished is delivered, everything else ends as `notStarted` or `unknown`. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#native.abandon();
    this.drain(Number.MAX_SAFE_INTEGER);
    // Whatever never left the staging buffer was not seen by anyone.
    this.#staging.clear();
    for (const requestId of this.#pending.all()) this.giveUp(requestId, OUTCOME.notStarted);
  }

  /** Only after `abandon`. */
  close(): void {
    this.#closed = true;
    this.#doorbell.remove(this);
    this.#completions.fill(0);
    this.#native.close();
  }

  readonly #scheduleFlush = (): void => {
    process.nextTick(this.#flushNow);
  };

  readonly #flushNow = (): void => {
    this.#flushScheduled = false;
    if (this.#staging.length > 0) this.#flush();
  };

  #flush(): void {
    if (this.#abandoned) return;
    const staging = this.#staging;
    staging.taken(this.#native.submit(staging.bytes, staging.length));
  }

  /** Fetches the next completions; the ones before were delivered, so their bytes are zeroised first. */
  #refill(): boolean {
    // A receiver may close the ring from inside its answer, and the drain around it goes on.
    if (this.#closed) return false;
    if (this.#end > 0) this.#completions.fill(0, 0, this.#end);
    this.#cursor = 0;
    this.#end = this.#native.drain(this.#completions);
    return this.#end > 0;
  }

  /** Delivers the completion at the cursor. False when nobody waits for it any more. */
  #deliver(): boolean {
    const start = this.#cursor;
    const words = this.#words;
    const header = start / WORD;
    const recordLength = words[header] as number;
    const requestId = words[header + COMPLETION.requestId / WORD] as number;
    const outcome = words[header + COMPLETION.outcome / WORD] as number;
    const answerLength = words[header + COMPLETION.answerLength / WORD] as number;
    // The cursor moves first: a settled caller may submit, abandon and so drain again from inside.
    this.#cursor = start + recordLength;
    const shared = this.#pending.sharesMemory(requestId);
    const settle = this.#pending.remove(requestId);
    if (settle === undefined) return false;
    const carried = recordLength > COMPLETION.headerLength ? answerLength : 0;
    const completion: Completion = {
      outcome: outcome & 0xffff,
      function: outcome >>> 16,
      returnValue: words[header + COMPLETION.returnValue / WORD] as number,
      answer: this.#answers.take(this.#completions, start + COMPLETION.headerLength, carried, shared),
      answerLength,
      serviceTimeUs: words[header + COMPLETION.serviceTimeUs / WORD] as number,
    };
    this.#answered();
    settleSafely(settle, completion);
    return true;
  }

  #answered(): void {
    this.inFlight--;
    this.delivered++;
    this.#doorbell.answered(1);
  }
}

/** A receiver that throws is a mistake of the programmer: it is reported as such, and the other answers are still delivered. */
function settleSafely(settle: Settle, completion: Completion): void {
  try {
    settle(completion);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function unanswered(outcome: Outcome): Completion {
  return { outcome, function: 0, returnValue: 0, answer: new Uint8Array(0), answerLength: 0, serviceTimeUs: 0 };
}
