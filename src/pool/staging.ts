import { REQUEST } from '../pkcs11/binding.ts';
import type { RingRequest } from './hsm_host.ts';

const INITIAL_BYTES = 128 * 1024;
const WORD = 4;
const HIGH_WORD = 2 ** 32;

/** What the sections of one request may come to, and its answer: one block of the ring's arena. */
export const LONGEST_PAYLOAD = 72 * 1024;

const padded = (length: number): number => (length + 7) & ~7;
const lengthOf = (section: Uint8Array | undefined): number => (section === undefined ? 0 : section.length);

/**
 * Requests encoded one after the other, ready to cross into the native core in one call. The buffer is used again and again:
 * the native core zeroises what it takes, so all behind `length` is zero, padding included.
 */
export class Staging {
  bytes = new Uint8Array(INITIAL_BYTES);
  /** Bytes encoded and not taken yet. */
  length = 0;
  #words = new Uint32Array(this.bytes.buffer);

  /** True when a request of the usual size no longer fits without growing. */
  get full(): boolean {
    return this.length > INITIAL_BYTES - 2 * 1024;
  }

  append(request: RingRequest, requestId: number): void {
    const { parameter, input, input2, template, template2 } = request;
    const parameterLength = lengthOf(parameter);
    const inputLength = lengthOf(input);
    const input2Length = lengthOf(input2);
    const templateLength = lengthOf(template);
    const template2Length = lengthOf(template2);
    const start = this.length;
    const parameterAt = start + REQUEST.headerLength;
    const inputAt = parameterAt + padded(parameterLength);
    const input2At = inputAt + padded(inputLength);
    const templateAt = input2At + padded(input2Length);
    const template2At = templateAt + padded(templateLength);
    const end = template2At + padded(template2Length);
    if (end - parameterAt > LONGEST_PAYLOAD || request.capacity > LONGEST_PAYLOAD) {
      throw new TypeError(
        `A ring carries ${LONGEST_PAYLOAD} bytes each way, not ${end - parameterAt} and ${request.capacity}`,
      );
    }
    if (end > this.bytes.length) this.#grow(end);

    const words = this.#words;
    const header = start / WORD;
    const { object, object2 } = request;
    words[header] = end - start;
    words[header + REQUEST.operation / WORD] = request.operation | (request.parameterKind << 16);
    words[header + REQUEST.requestId / WORD] = requestId;
    words[header + REQUEST.timeoutMs / WORD] = request.timeoutMs;
    words[header + REQUEST.capacity / WORD] = request.capacity;
    words[header + REQUEST.mechanism / WORD] = request.mechanism;
    words[header + REQUEST.object / WORD] = object;
    words[header + REQUEST.object / WORD + 1] = object < HIGH_WORD ? 0 : object / HIGH_WORD;
    words[header + REQUEST.object2 / WORD] = object2;
    words[header + REQUEST.object2 / WORD + 1] = object2 < HIGH_WORD ? 0 : object2 / HIGH_WORD;
    words[header + REQUEST.parameterLength / WORD] = parameterLength;
    words[header + REQUEST.inputLength / WORD] = inputLength;
    words[header + REQUEST.input2Length / WORD] = input2Length;
    words[header + REQUEST.templateLength / WORD] = templateLength;
    words[header + REQUEST.template2Length / WORD] = template2Length;

    const bytes = this.bytes;
    if (parameter !== undefined) bytes.set(parameter, parameterAt);
    if (input !== undefined) bytes.set(input, inputAt);
    if (input2 !== undefined) bytes.set(input2, input2At);
    if (template !== undefined) bytes.set(template, templateAt);
    if (template2 !== undefined) bytes.set(template2, template2At);
    this.length = end;
  }

  /** The native core took the first `count` bytes: what is left moves to the front. */
  taken(count: number): void {
    if (count === this.length) {
      this.length = 0;
      if (this.bytes.length > INITIAL_BYTES) this.#replace(INITIAL_BYTES);
      return;
    }
    if (count === 0) return;
    const rest = this.length - count;
    this.bytes.copyWithin(0, count, this.length);
    this.bytes.fill(0, rest, this.length);
    this.length = rest;
  }

  clear(): void {
    this.bytes.fill(0, 0, this.length);
    this.length = 0;
  }

  #grow(needed: number): void {
    let size = this.bytes.length * 2;
    while (size < needed) size *= 2;
    const old = this.bytes;
    this.#replace(size);
    this.bytes.set(old.subarray(0, this.length));
    old.fill(0, 0, this.length);
  }

  #replace(size: number): void {
    this.bytes = new Uint8Array(size);
    this.#words = new Uint32Array(this.bytes.buffer);
  }
}
