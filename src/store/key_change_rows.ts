import { encodeIntentRow, type IntentRow } from './intent_row.ts';
import { encodeKeyRow, type KeyRow } from './key_row.ts';
import { encodeKeyVersionRow, type KeyVersionRow } from './key_version_row.ts';
import type { KeyChange, VersionEncryptions } from './store.ts';

/** A change of a key as rows: what a database is told. */
export interface KeyChangeRows {
  readonly name: string;
  readonly epoch: number | undefined;
  readonly expectedRevision: number | undefined;
  readonly key: KeyRow | undefined;
  readonly versions: readonly KeyVersionRow[];
  readonly encryptions: readonly VersionEncryptions[];
  readonly endedIntents: readonly string[];
  readonly newIntents: readonly IntentRow[];
}

/** @throws TypeError when the parts of the change do not belong together: a mistake of the caller that no database should have to find. */
export function encodeKeyChange(change: KeyChange): KeyChangeRows {
  const { name, epoch, expectedRevision, key, versions, encryptions = [] } = change;
  if (key === undefined) {
    if (expectedRevision === undefined) throw new TypeError('A key that is not there cannot be removed.');
    if (versions.length > 0) throw new TypeError('A key that is removed has no versions.');
  } else if (key.record.revision <= (expectedRevision ?? 0)) {
    throw new TypeError('A change of a key raises its revision.');
  }
  const ids = new Set(versions.map(({ record }) => record.version));
  if (encryptions.some(({ version }) => expectedRevision !== undefined || !ids.has(version))) {
    throw new TypeError('Only versions that come with a new key bring what they have encrypted.');
  }
  for (const { record } of key === undefined ? versions : [key, ...versions]) {
    if (record.name !== name) throw new TypeError('A change is of one key.');
  }
  return {
    name,
    epoch,
    expectedRevision,
    key: key === undefined ? undefined : encodeKeyRow(key),
    versions: versions.map(encodeKeyVersionRow),
    encryptions: encryptions.filter(({ encryptions: count }) => count > 0),
    endedIntents: change.endedIntents ?? [],
    newIntents: (change.newIntents ?? []).map(encodeIntentRow),
  };
}
