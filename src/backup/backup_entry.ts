import { decodeRotationPolicy, decodeVersion, encodeVersion } from '../engine/lifecycle/backup_payload.ts';
import type { Document } from '../store/sealed_documents.ts';
import type { KeyRecord, WholeKey } from '../store/store.ts';

/** A document as a backup has it. Its seal is not in it: where it comes back, it is another revision. */
export interface BackedUpDocument extends Document<unknown> {
  readonly collection: string;
}

/** One thing in a backup. */
export type BackupEntry =
  | { readonly kind: 'document'; readonly document: BackedUpDocument }
  | { readonly kind: 'key'; readonly key: WholeKey };

/** One line of JSON. A key is in it as it is stored, under its seals, with its versions as they are wrapped. */
export function encodeEntry(entry: BackupEntry): string {
  if (entry.kind === 'document') return JSON.stringify({ document: entry.document });
  const { key, versions } = entry.key;
  return JSON.stringify({
    key: { record: key.record, seal: encode(key.seal) },
    versions: versions.map(({ version, encryptions }) => ({
      record: encodeVersion(version.record),
      seal: encode(version.seal),
      encryptions,
    })),
  });
}

interface KeyLine {
  readonly key: { readonly record: KeyRecord; readonly seal: string };
  readonly versions: readonly {
    readonly record: ReturnType<typeof encodeVersion>;
    readonly seal: string;
    readonly encryptions: number;
  }[];
}

/** Only for what a pool of this security domain has encoded: the part that it is in has been opened. */
export function decodeEntry(line: string): BackupEntry {
  const parsed = JSON.parse(line) as { readonly document: BackedUpDocument } | KeyLine;
  if ('document' in parsed) return { kind: 'document', document: parsed.document };
  const { key, versions } = parsed;
  return {
    kind: 'key',
    key: {
      key: { record: decodeKey(key.record), seal: decode(key.seal) },
      versions: versions.map(({ record, seal, encryptions }) => ({
        version: { record: decodeVersion(record), seal: decode(seal) },
        encryptions,
      })),
    },
  };
}

/** JSON leaves out what is undefined, and records have it. */
function decodeKey({ name, newest, versions, deletion, rotationPolicy, rotationDue, revision }: KeyRecord): KeyRecord {
  const policy = decodeRotationPolicy(rotationPolicy);
  return { name, newest, versions, deletion, rotationPolicy: policy, rotationDue, revision };
}

const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
