import { randomBytes } from 'node:crypto';

/** From 15 October 1582, where UUID time begins, to 1970, in milliseconds (RFC 9562 §5.1). */
const EPOCH_OFFSET_MS = 12_219_292_800_000;
const TICKS_PER_MS = 10_000;
const TWO_TO_32 = 0x1_0000_0000;

let suffix = newSuffix();
let lastMs = 0;
let tick = 0;
/** The middle and high fields change every seven minutes: their text is kept. */
let high = -1;
let highText = '';

/** A UUID of version 1, as Azure's `x-ms-request-id` is one: ordered in time, unique in this process and beyond (random node, RFC 9562 §6.10). */
export function newRequestId(): string {
  let ms = Date.now() + EPOCH_OFFSET_MS;
  if (ms > lastMs) {
    tick = 0;
  } else if (ms < lastMs - TICKS_PER_MS) {
    suffix = newSuffix();
    tick = 0;
  } else {
    ms = lastMs;
    if (++tick === TICKS_PER_MS) {
      ms++;
      tick = 0;
    }
  }
  lastMs = ms;
  // In two halves: the whole number has 60 bits, and a double holds 53.
  const lowTicks = (ms % TWO_TO_32) * TICKS_PER_MS + tick;
  const low = lowTicks % TWO_TO_32;
  const rest = Math.floor(ms / TWO_TO_32) * TICKS_PER_MS + Math.floor(lowTicks / TWO_TO_32);
  if (rest !== high) {
    high = rest;
    highText = fieldsOf(rest);
  }
  return `${low.toString(16).padStart(8, '0')}${highText}${suffix}`;
}

function fieldsOf(rest: number): string {
  const middle = rest & 0xffff;
  const version = ((rest >>> 16) & 0x0fff) | 0x1000;
  return `-${middle.toString(16).padStart(4, '0')}-${version.toString(16)}-`;
}

function newSuffix(): string {
  const bytes = randomBytes(8);
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x80;
  // The multicast bit tells that the node is no network card's address.
  bytes[2] = (bytes[2] as number) | 0x01;
  const text = bytes.toString('hex');
  return `${text.slice(0, 4)}-${text.slice(4)}`;
}
