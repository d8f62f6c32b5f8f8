import type { KeyVersionRecord } from './store.ts';

/** Names the table and the layout of the bytes: another layout is another number. */
const KEY_VERSION_CONTEXT = 'strongroom/key_version/1';
const ABSENT = 0xffff_ffff;

/**
 * What the seal of a key version is computed over: every field, in this order, each behind its length, so that no two records give the
 * same bytes. A row that was edited, or put in the place of another, does not carry the seal of its bytes.
 *
 * What it cannot show: that a row was replaced as a whole by an older state of itself, with the seal of that time, or removed. The
 * revision is in the bytes, and who remembers a higher one sees it; a memory that outlives the database has to be kept outside of it.
 */
export function sealedBytes(record: KeyVersionRecord): Uint8Array {
  const bytes = new CanonicalBytes();
  bytes.text(KEY_VERSION_CONTEXT);
  bytes.text(record.name);
  bytes.text(record.version);
  addSpec(bytes, record);
  bytes.text(record.custody);
  bytes.integer(record.operations.length);
  for (const operation of record.operations) bytes.text(operation);
  bytes.flag(record.enabled);
  bytes.integer(record.notBefore);
  bytes.integer(record.expires);
  bytes.integer(record.created);
  bytes.integer(record.updated);
  bytes.flag(record.exportable);
  addTags(bytes, record);
  addPublicKey(bytes, record);
  bytes.bytes(record.wrappedKey);
  bytes.bytes(record.objectId);
  bytes.integer(record.revision);
  return bytes.concatenated();
}

function addSpec(bytes: CanonicalBytes, { spec }: KeyVersionRecord): void {
  bytes.text(spec.keyType);
  bytes.integer('size' in spec ? spec.size : undefined);
  bytes.text('curve' in spec ? spec.curve : undefined);
  bytes.integer('publicExponent' in spec ? spec.publicExponent : undefined);
}

/** In the order of their names, because a database may give the members of an object in any. */
function addTags(bytes: CanonicalBytes, { tags }: KeyVersionRecord): void {
  const names = Object.keys(tags).sort();
  bytes.integer(names.length);
  for (const name of names) {
    bytes.text(name);
    bytes.text(tags[name]);
  }
}

function addPublicKey(bytes: CanonicalBytes, { publicKey }: KeyVersionRecord): void {
  bytes.text(publicKey.keyType);
  bytes.text('curve' in publicKey ? publicKey.curve : undefined);
  bytes.bytes('modulus' in publicKey ? publicKey.modulus : undefined);
  bytes.bytes('publicExponent' in publicKey ? publicKey.publicExponent : undefined);
  bytes.bytes('x' in publicKey ? publicKey.x : undefined);
  bytes.bytes('y' in publicKey ? publicKey.y : undefined);
}

/** Fields one after the other, each behind its length as u32, big-endian; an absent one is the length 2^32 - 1 alone. */
class CanonicalBytes {
  readonly #parts: Uint8Array[] = [];

  bytes(value: Uint8Array | undefined): void {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(value === undefined ? ABSENT : value.length);
    this.#parts.push(length);
    if (value !== undefined) this.#parts.push(value);
  }

  text(value: string | undefined): void {
    this.bytes(value === undefined ? undefined : Buffer.from(value, 'utf8'));
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

  concatenated(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}
