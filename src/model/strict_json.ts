import { badParameter, type StrongroomError } from './errors.ts';
import { LIMITS } from './limits.ts';

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Reads JSON (RFC 8259, with the strictness of RFC 7493): no member twice in one object, bounded depth and number of members. `JSON.parse`
 * keeps the last of two members of one name and says nothing; so the members that the text has are counted, and must be as many as came out.
 * `parameter` and `received` are for the complaint.
 * @throws StrongroomError `BadParameter`
 */
export function parseStrictJson(
  text: string,
  parameter: string,
  received: unknown,
  most: number = LIMITS.jsonMembers,
): unknown {
  const refuse = (expected: string): StrongroomError => badParameter(parameter, expected, received);
  const members = countMembers(text, parameter, most);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw refuse('JSON');
  }
  if (ownMembers(value) !== members) throw refuse('JSON without a member that stands twice in one object');
  return value;
}

/** Counts the colons outside of strings, in one pass, and keeps to the limits. What is not JSON is left to `JSON.parse` to refuse. */
function countMembers(text: string, parameter: string, most: number): number {
  let members = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === QUOTE) {
      i = endOfString(text, i);
    } else if (character === COLON) {
      if (++members > most) throw badParameter(parameter, `JSON of at most ${most} members`, 'more');
    } else if (character === OPEN_BRACE || character === OPEN_BRACKET) {
      if (++depth > LIMITS.jsonDepth)
        throw badParameter(parameter, `JSON of at most ${LIMITS.jsonDepth} levels`, 'more');
    } else if (character === CLOSE_BRACE || character === CLOSE_BRACKET) {
      depth--;
    }
  }
  return members;
}

/** Where the string that opens at `start` is closed: at the next quote with an even number of backslashes in front of it. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

function ownMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) members += ownMembers(item);
    return members;
  }
  for (const name of Object.keys(value)) members += 1 + ownMembers((value as Record<string, unknown>)[name]);
  return members;
}
