import {
  COMPLETION,
  type HostStatus,
  type LaneCount,
  type NativeRing,
  OUTCOME,
  REQUEST,
} from '../../src/pkcs11/binding.ts';

export interface SeenRequest {
  readonly operation: number;
  readonly parameterKind: number;
  readonly requestId: number;
  readonly timeoutMs: number;
  readonly capacity: number;
  readonly mechanism: number;
  readonly object: bigint;
  readonly object2: bigint;
  readonly sections: readonly Buffer[];
}

interface Answered {
  readonly requestId: number;
  readonly answer: Uint8Array;
  readonly outcome: number;
  readonly returnValue: number;
  readonly answerLength: number;
}

const padded = (length: number): number => (length + 7) & ~7;

/** The native side of a ring as binding.ts describes it, written for these tests from the description alone. */
export class FakeRing implements NativeRing {
  readonly memoryFd = -1;
  readonly locked = true;
  readonly submissions: SeenRequest[][] = [];
  /** Requests that it takes before it says that no slot is free. */
  slots = Number.POSITIVE_INFINITY;
  abandoned = false;
  closed = false;
  readonly #answered: Answered[] = [];

  get seen(): SeenRequest[] {
    return this.submissions.flat();
  }

  submit(staging: Uint8Array, length: number): number {
    const bytes = Buffer.from(staging.buffer, staging.byteOffset, length);
    const wave: SeenRequest[] = [];
    let at = 0;
    while (at < length && this.slots > 0) {
      wave.push(decodeRequest(bytes, at));
      at += bytes.readUInt32LE(at + REQUEST.recordLength);
      this.slots--;
    }
    staging.fill(0, 0, at);
    this.submissions.push(wave);
    return at;
  }

  answer(requestId: number, answer: Uint8Array, fields: Partial<Answered> = {}): void {
    this.#answered.push({
      requestId,
      answer,
      outcome: OUTCOME.done,
      returnValue: 0,
      answerLength: answer.length,
      ...fields,
    });
  }

  drain(completions: Uint8Array): number {
    const bytes = Buffer.from(completions.buffer, completions.byteOffset, completions.length);
    let at = 0;
    for (let next = this.#answered[0]; next !== undefined; next = this.#answered[0]) {
      const length = COMPLETION.headerLength + padded(next.answer.length);
      if (at + length > bytes.length) break;
      bytes.writeUInt32LE(length, at + COMPLETION.recordLength);
      bytes.writeUInt32LE(next.requestId, at + COMPLETION.requestId);
      bytes.writeUInt16LE(next.outcome, at + COMPLETION.outcome);
      bytes.writeUInt16LE(7, at + COMPLETION.function);
      bytes.writeUInt32LE(next.returnValue, at + COMPLETION.returnValue);
      bytes.writeUInt32LE(next.answerLength, at + COMPLETION.answerLength);
      bytes.writeUInt32LE(42, at + COMPLETION.serviceTimeUs);
      bytes.set(next.answer, at + COMPLETION.headerLength);
      at += length;
      this.slots++;
      this.#answered.shift();
    }
    return at;
  }

  hostStatus(): HostStatus {
    return { state: 1, function: 0, returnValue: 0, message: '' };
  }

  laneStatus(): number {
    return 0;
  }

  laneCount(): LaneCount {
    return { open: 1, refusal: 0, taken: 0, idleMs: 0 };
  }

  orderLanes(): void {
    throw new TypeError('A ring of one lane was asked for another number');
  }

  abandon(): void {
    this.abandoned = true;
  }

  close(): void {
    this.closed = true;
  }
}

function decodeRequest(bytes: Buffer, at: number): SeenRequest {
  const lengths = [
    REQUEST.parameterLength,
    REQUEST.inputLength,
    REQUEST.input2Length,
    REQUEST.templateLength,
    REQUEST.template2Length,
  ].map((offset) => bytes.readUInt32LE(at + offset));
  const sections: Buffer[] = [];
  let start = at + REQUEST.headerLength;
  for (const length of lengths) {
    sections.push(Buffer.from(bytes.subarray(start, start + length)));
    start += padded(length);
  }
  if (start - at !== bytes.readUInt32LE(at)) throw new RangeError('The record is not as long as its sections');
  return {
    operation: bytes.readUInt16LE(at + REQUEST.operation),
    parameterKind: bytes.readUInt16LE(at + REQUEST.parameterKind),
    requestId: bytes.readUInt32LE(at + REQUEST.requestId),
    timeoutMs: bytes.readUInt32LE(at + REQUEST.timeoutMs),
    capacity: bytes.readUInt32LE(at + REQUEST.capacity),
    mechanism: bytes.readUInt32LE(at + REQUEST.mechanism),
    object: bytes.readBigUInt64LE(at + REQUEST.object),
    object2: bytes.readBigUInt64LE(at + REQUEST.object2),
    sections,
  };
}
