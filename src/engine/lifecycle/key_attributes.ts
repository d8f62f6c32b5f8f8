import { badParameter, StrongroomError } from '../../model/errors.ts';
import type { KeyType } from '../../model/key.ts';
import { DEFAULT_KEY_OPERATIONS, type KeyOperation, POSSIBLE_KEY_OPERATIONS } from '../../model/key_operation.ts';
import { LIMITS } from '../../model/limits.ts';
import { type ReleasePolicy, requireReleasePolicy } from '../../model/release_policy.ts';
import type { KeyVersionRecord } from '../../store/store.ts';
import type { NewKeyAttributes, UpdateKeyRequest } from '../requests.ts';

/** What a key version has beside its value. */
export type KeyAttributes = Pick<
  KeyVersionRecord,
  'operations' | 'enabled' | 'notBefore' | 'expires' | 'tags' | 'exportable' | 'releasePolicy'
>;

/** With the defaults filled in. @throws StrongroomError `BadParameter` */
export function readAttributes(request: NewKeyAttributes, keyType: KeyType): KeyAttributes {
  const { releasePolicy } = request;
  return {
    operations: readOperations(request.operations ?? DEFAULT_KEY_OPERATIONS[keyType], keyType),
    enabled: readEnabled(request.enabled ?? true),
    ...readDates(request.notBefore, request.expires),
    tags: readTags(request.tags ?? {}),
    exportable: releasePolicy !== undefined,
    releasePolicy: releasePolicy === undefined ? undefined : readReleasePolicy(releasePolicy),
  };
}

/** What is named in the place of what was there. @throws StrongroomError `BadParameter` */
export function updatedAttributes(version: KeyVersionRecord, request: UpdateKeyRequest): KeyAttributes {
  const { operations, enabled, notBefore, expires, tags, releasePolicy } = request;
  const dates = notBefore !== undefined || expires !== undefined;
  return {
    operations: operations === undefined ? version.operations : changeOperations(version, operations),
    enabled: enabled === undefined ? version.enabled : readEnabled(enabled),
    notBefore: version.notBefore,
    expires: version.expires,
    ...(dates && readDates(notBefore ?? version.notBefore, expires ?? version.expires)),
    tags: tags === undefined ? version.tags : readTags(tags),
    exportable: version.exportable,
    releasePolicy: releasePolicy === undefined ? version.releasePolicy : changeReleasePolicy(version, releasePolicy),
  };
}

function readEnabled(enabled: boolean): boolean {
  if (typeof enabled !== 'boolean') throw badParameter('enabled', 'true or false', enabled);
  return enabled;
}

function readDates(
  notBefore: number | undefined,
  expires: number | undefined,
): Pick<KeyAttributes, 'notBefore' | 'expires'> {
  requireTime('nbf', notBefore);
  requireTime('exp', expires);
  if (notBefore !== undefined && expires !== undefined && expires <= notBefore) {
    throw badParameter('exp', 'a time after nbf', expires);
  }
  return { notBefore, expires };
}

/** The last second that a date of four digits of the year can name: what lies behind it is a mistake, milliseconds for one. */
const LAST_SECOND = 253_402_300_799;

function requireTime(parameter: string, seconds: number | undefined): void {
  if (seconds === undefined) return;
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > LAST_SECOND) {
    throw badParameter(parameter, 'unix seconds', seconds);
  }
}

function readOperations(wanted: readonly KeyOperation[], keyType: KeyType): readonly KeyOperation[] {
  const operations = [...new Set(wanted)];
  const possible = POSSIBLE_KEY_OPERATIONS[keyType];
  for (const operation of operations) {
    if (!possible.has(operation)) throw badParameter('key_ops', `operations of ${keyType} keys`, operation);
  }
  // A key that brings other keys in does nothing else: it could tell what it has brought in (Azure API §1.8).
  if (operations.includes('import') && operations.length > 1) {
    throw badParameter('key_ops', 'import alone or without import', operations.join(', '));
  }
  return operations;
}

function changeOperations({ spec, operations: before }: KeyVersionRecord, wanted: readonly KeyOperation[]) {
  const operations = readOperations(wanted, spec.keyType);
  // Neither first the one and then the other: whoever has kept what was brought in could still have it told.
  if (operations.includes('import') !== before.includes('import')) {
    const expected = before.includes('import') ? 'import, which the key was made for,' : 'operations without import';
    throw badParameter('key_ops', expected, operations.join(', '));
  }
  return operations;
}

function readTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(tags);
  if (entries.length > LIMITS.tagsPerKey) throw badParameter('tags', `at most ${LIMITS.tagsPerKey}`, entries);
  for (const [name, value] of entries) {
    requireTag('the name of a tag', name, 1);
    requireTag(`the tag ${name}`, value, 0);
  }
  return Object.fromEntries(entries);
}

/** Half a surrogate pair has no UTF-8, and would be something else when it comes back from the store. */
function requireTag(parameter: string, text: string, minimum: number): void {
  const fits = typeof text === 'string' && text.length >= minimum && text.length <= LIMITS.tagCharacters;
  if (!fits || !text.isWellFormed())
    throw badParameter(parameter, `${minimum} to ${LIMITS.tagCharacters} characters`, text);
}

/** A copy: the policy stays what it was when it was looked at. */
function readReleasePolicy(policy: ReleasePolicy): ReleasePolicy {
  const { contentType, data, immutable } = requireReleasePolicy(policy);
  return { contentType, data: new Uint8Array(data), immutable };
}

/** @throws StrongroomError `BadParameter` with the texts that Azure has for it (Azure API §1.5) */
function changeReleasePolicy(version: KeyVersionRecord, wanted: ReleasePolicy): ReleasePolicy {
  const { exportable, releasePolicy: before } = version;
  if (!exportable || before === undefined) {
    throw new StrongroomError('BadParameter', 'Non-exportable keys must not have release policy');
  }
  const policy = readReleasePolicy(wanted);
  if (before.immutable && !isSamePolicy(before, policy)) {
    throw new StrongroomError('BadParameter', 'AKV.SKR.1020: Immutable Key Release Policy cannot be modified.');
  }
  return policy;
}

function isSamePolicy(one: ReleasePolicy, other: ReleasePolicy): boolean {
  const sameForm = one.contentType === other.contentType && one.immutable === other.immutable;
  return sameForm && Buffer.compare(one.data, other.data) === 0;
}
