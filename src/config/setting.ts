import { type AddressRange, parseAddressRange } from '../model/address_range.ts';

/**
 * One setting: what it is when nobody says anything, what is expected of it, and how a value is taken. Values from the environment and
 * from flags are texts, those of the file are JSON; a file that says `"8443"` where a number belongs is as wrong as it looks.
 */
export interface Setting<T> {
  readonly kind: typeof SETTING;
  readonly fallback: T;
  readonly expected: string;
  /** `undefined` when the value will not do. */
  readonly take: (value: unknown, isText: boolean) => T | undefined;
  /** A relative path in a file starts from the file's directory. */
  readonly isPath?: boolean;
  /** Somebody may have written a secret into it by mistake: a value that will not do is not shown. */
  readonly isNotShown?: boolean;
}

export const SETTING: unique symbol = Symbol('setting');

/** A list of objects with the same settings each; empty unless named. Only the file can hold one. */
export interface SettingList<Entry> {
  readonly kind: typeof SETTING_LIST;
  readonly most: number;
  readonly entry: Entry;
}

export const SETTING_LIST: unique symbol = Symbol('setting list');

export function objects<Entry>(most: number, entry: Entry): SettingList<Entry> {
  return { kind: SETTING_LIST, most, entry };
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** A machine without IPv6 has no ::1: then `localhost` is 127.0.0.1 alone. */
  readonly mayBeAbsent: boolean;
}

function setting<T>(fallback: T, expected: string, take: Setting<T>['take']): Setting<T> {
  return { kind: SETTING, fallback, expected, take };
}

export function text<T extends string | undefined>(
  fallback: T,
  expected: string,
  pattern: RegExp,
): Setting<string | T> {
  return setting<string | T>(fallback, expected, (value) =>
    typeof value === 'string' && pattern.test(value) ? value : undefined,
  );
}

/** A text that is not repeated where it will not do. */
export function discreetText<T extends string | undefined>(
  fallback: T,
  expected: string,
  pattern: RegExp,
): Setting<string | T> {
  return { ...text(fallback, expected, pattern), isNotShown: true };
}

export function path<T extends string | undefined>(fallback: T): Setting<string | T> {
  return { ...text(fallback, 'a path', /^[^\0]{1,4096}$/), isPath: true };
}

export function choice<const V extends string, T extends V | undefined>(
  fallback: T,
  values: readonly V[],
): Setting<V | T> {
  return setting<V | T>(fallback, `one of ${values.join(', ')}`, (value) => values.find((each) => each === value));
}

export function integer<T extends number | undefined>(fallback: T, least: number, most: number): Setting<number | T> {
  return setting<number | T>(fallback, `an integer from ${least} to ${most}`, (value, isText) => {
    const number = isText && typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
      ? number
      : undefined;
  });
}

export function flag(fallback: boolean): Setting<boolean> {
  return setting(fallback, 'true or false', (value, isText) => {
    if (typeof value === 'boolean') return value;
    if (!isText) return undefined;
    if (value === 'true') return true;
    return value === 'false' ? false : undefined;
  });
}

export const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A list of GUIDs (in texts by commas); nobody's unless named. */
export function guids(most: number): Setting<readonly string[]> {
  return setting<readonly string[]>([], `at most ${most} GUIDs in lower case`, (value, isText) => {
    const items = isText && typeof value === 'string' ? value.split(',').map((each) => each.trim()) : value;
    if (!Array.isArray(items) || items.length > most) return undefined;
    return items.every((each) => typeof each === 'string' && GUID.test(each)) ? [...new Set<string>(items)] : undefined;
  });
}

/** `HOST:PORT`, several as a list (in texts by commas). `localhost` is both loopback addresses. */
export function addresses(fallback: string | undefined): Setting<readonly ListenAddress[]> {
  const take = listOf(MOST_ADDRESSES, parseAddress);
  return setting(fallback === undefined ? [] : (take(fallback, true) ?? []), 'HOST:PORT, or several of them', take);
}

/** Addresses and ranges, several as a list (in texts by commas). */
export function addressRanges(most: number): Setting<readonly AddressRange[]> {
  const take = listOf(most, (item) => {
    const parsed = parseAddressRange(typeof item === 'string' ? item.trim() : item);
    return 'range' in parsed ? [parsed.range] : undefined;
  });
  return setting([], 'an address or range such as 192.0.2.0/24, or several of them', take);
}

/** Origins of servers, several as a list (in texts by commas). */
export function origins(most: number): Setting<readonly string[]> {
  const take = listOf(most, (item) => {
    const url = typeof item === 'string' ? URL.parse(item.trim()) : null;
    return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` ? [url.origin] : undefined;
  });
  return setting([], 'an origin such as https://account.blob.core.windows.net, or several of them', take);
}

function listOf<T>(most: number, parse: (item: unknown) => T[] | undefined): Setting<readonly T[]>['take'] {
  return (value, isText) => {
    const items = typeof value === 'string' ? value.split(isText ? ',' : '\n') : value;
    if (!Array.isArray(items) || items.length === 0 || items.length > most) return undefined;
    const parsed = items.map(parse);
    return parsed.every((each) => each !== undefined) ? parsed.flat() : undefined;
  };
}

const MOST_ADDRESSES = 16;
const ADDRESS = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9A-Za-z.-]{1,253})):(\d{1,5})$/;

function parseAddress(item: unknown): ListenAddress[] | undefined {
  const match = typeof item === 'string' ? ADDRESS.exec(item.trim()) : null;
  if (match === null) return undefined;
  const [, bracketed, plain, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  if (plain === 'localhost') {
    return [
      { host: '::1', port, mayBeAbsent: true },
      { host: '127.0.0.1', port, mayBeAbsent: false },
    ];
  }
  return [{ host: (bracketed ?? plain) as string, port, mayBeAbsent: false }];
}
