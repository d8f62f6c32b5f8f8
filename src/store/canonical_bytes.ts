const ABSENT = 0xffff_ffff;

/**
 * Fields one after the other, each behind its length as u32, big-endian; an absent one is the length 2^32 - 1 alone. So what was added can be
 * read back in one way only, and different fields never give the same bytes.
 */
export class CanonicalBytes {
  readonly #parts: Uint8Array[] = [];

  /** `context` names what the fields are of and how they are laid out: another layout is another context. */
  constructor(context: string) {
    this.text(context);
  }

  bytes(value: Uint8Array | undefined): void {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(value === undefined ? ABSENT : value.length);
    this.#parts.push(length);
    if (value !== undefined) this.#parts.push(value);
  }

  /** In UTF-16, little-endian: UTF-8 has no bytes for half of a surrogate pair, and would give those of U+FFFD for every one of them. */
  text(value: string | undefined): void {
    this.bytes(value === undefined ? undefined : Buffer.from(value, 'utf16le'));
  }

  integer(value: number | undefined): void {
    if (value === undefined) {
      this.bytes(undefined);
      return;
    }
    const encoded = Buffer.allocUnsafe(8);
    encoded.writeBigInt64BE(BigInt(value));
    this.bytes(encoded);
  }

  flag(value: boolean): void {
    this.bytes(Uint8Array.of(value ? 1 : 0));
  }

  /** A group of fields that is there as a whole or not at all. */
  optional<Value>(value: Value | undefined, add: (value: Value) => void): void {
    this.flag(value !== undefined);
    if (value !== undefined) add(value);
  }

  list<Item>(items: readonly Item[], add: (item: Item) => void): void {
    this.integer(items.length);
    for (const item of items) add(item);
  }

  concatenated(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}
