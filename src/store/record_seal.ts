import type { PublicKey } from '../model/key.ts';
import { CanonicalBytes } from './canonical_bytes.ts';
import type { DocumentRecord, Intent, KeyRecord, KeyVersionRecord } from './store.ts';

/*
 * What the seals of records are computed over: every field, in this order, each behind its length, so that no two records give the same
 * bytes. A row that was edited, or put in the place of another, does not carry the seal of its bytes.
 *
 * What a seal cannot show: that a row was replaced as a whole by an older state of itself, with the seal of that time, that it was removed,
 * or that one which had been removed is there again. The revision is in the bytes, and who remembers a higher one sees it; a memory that
 * outlives the database has to be kept outside of it. For documents this means: who can write to the database itself cannot make a role
 * assignment, a setting or a user, but can take one away, and can bring back one that he has copied while it was in force. The database
 * is no place for hands that are not trusted to this extent; how documents were changed through the service is in the audit log, outside of it.
 */

const KEY_CONTEXT = 'strongroom/key/1';
const KEY_VERSION_CONTEXT = 'strongroom/key_version/2';
const INTENT_CONTEXT = 'strongroom/intent/1';
const DOCUMENT_CONTEXT = 'strongroom/document/1';

export function sealedKeyBytes(record: KeyRecord): Uint8Array {
  const bytes = new CanonicalBytes(KEY_CONTEXT);
  bytes.text(record.name);
  bytes.text(record.newest);
  bytes.integer(record.versions);
  bytes.optional(record.deletion, ({ deleted, scheduledPurge }) => {
    bytes.integer(deleted);
    bytes.integer(scheduledPurge);
  });
  bytes.optional(record.rotationPolicy, (policy) => {
    bytes.list(policy.lifetimeActions, ({ action, timeAfterCreate, timeBeforeExpiry }) => {
      bytes.text(action);
      bytes.text(timeAfterCreate);
      bytes.text(timeBeforeExpiry);
    });
    bytes.text(policy.expiryTime);
    bytes.integer(policy.created);
    bytes.integer(policy.updated);
  });
  bytes.integer(record.rotationDue);
  bytes.integer(record.revision);
  return bytes.concatenated();
}

export function sealedKeyVersionBytes(record: KeyVersionRecord): Uint8Array {
  const bytes = new CanonicalBytes(KEY_VERSION_CONTEXT);
  bytes.text(record.name);
  bytes.text(record.version);
  addSpec(bytes, record);
  bytes.text(record.custody);
  bytes.list(record.operations, (operation) => bytes.text(operation));
  bytes.flag(record.enabled);
  bytes.integer(record.notBefore);
  bytes.integer(record.expires);
  bytes.integer(record.created);
  bytes.integer(record.updated);
  bytes.flag(record.exportable);
  bytes.optional(record.releasePolicy, (policy) => {
    bytes.text(policy.contentType);
    bytes.bytes(policy.data);
    bytes.flag(policy.immutable);
  });
  addTags(bytes, record);
  addPublicKey(bytes, record.publicKey);
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
  bytes.list(Object.keys(tags).sort(), (name) => {
    bytes.text(name);
    bytes.text(tags[name]);
  });
}

function addPublicKey(bytes: CanonicalBytes, publicKey: PublicKey): void {
  bytes.text(publicKey.keyType);
  bytes.text('curve' in publicKey ? publicKey.curve : undefined);
  bytes.bytes('modulus' in publicKey ? publicKey.modulus : undefined);
  bytes.bytes('publicExponent' in publicKey ? publicKey.publicExponent : undefined);
  bytes.bytes('x' in publicKey ? publicKey.x : undefined);
  bytes.bytes('y' in publicKey ? publicKey.y : undefined);
}

export function sealedIntentBytes(intent: Intent): Uint8Array {
  const bytes = new CanonicalBytes(INTENT_CONTEXT);
  bytes.text(intent.id);
  bytes.text(intent.token);
  bytes.text(intent.kind);
  bytes.text(intent.name);
  bytes.text(intent.version);
  bytes.bytes(intent.objectId);
  bytes.integer(intent.created);
  return bytes.concatenated();
}

export function sealedDocumentBytes(document: DocumentRecord): Uint8Array {
  const bytes = new CanonicalBytes(DOCUMENT_CONTEXT);
  bytes.text(document.collection);
  bytes.text(document.id);
  bytes.text(document.content);
  bytes.integer(document.revision);
  return bytes.concatenated();
}
