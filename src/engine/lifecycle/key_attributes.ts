import { badParameter } from '../../model/errors.ts';
import type { KeyType } from '../../model/key.ts';
import { DEFAULT_KEY_OPERATIONS, type KeyOperation, POSSIBLE_KEY_OPERATIONS } from '../../model/key_operation.ts';
import { LIMITS } from '../../model/limits.ts';
import type { NewKeyAttributes } from '../requests.ts';

/** What a new key version has beside its value. */
export interface KeyAttributes {
  readonly operations: readonly KeyOperation[];
  readonly enabled: boolean;
  readonly notBefore: number | undefined;
  readonly expires: number | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** With the defaults filled in. @throws StrongroomError `BadParameter` */
export function readAttributes(request: NewKeyAttributes, keyType: KeyType): KeyAttributes {
  const { enabled = true, notBefore, expires } = request;
  if (typeof enabled !== 'boolean') throw badParameter('enabled', 'true or false', enabled);
  requireTime('nbf', notBefore);
  requireTime('exp', expires);
  if (notBefore !== undefined && expires !== undefined && expires <= notBefore) {
    throw badParameter('exp', 'a time after nbf', expires);
  }
  return {
    operations: readOperations(request.operations, keyType),
    enabled,
    notBefore,
    expires,
    tags: readTags(request.tags ?? {}),
  };
}

function requireTime(parameter: string, seconds: number | undefined): void {
  if (seconds !== undefined && !(Number.isSafeInteger(seconds) && seconds >= 0)) {
    throw badParameter(parameter, 'unix seconds', seconds);
  }
}

function readOperations(wanted: readonly KeyOperation[] | undefined, keyType: KeyType): readonly KeyOperation[] {
  const operations = [...new Set(wanted ?? DEFAULT_KEY_OPERATIONS[keyType])];
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
