import { StrongroomError } from '../model/errors.ts';

/*
 * What a store refuses, in the same words whatever database it is over.
 */

export function keyChanged(name: string): StrongroomError {
  return new StrongroomError('Conflict', `The key ${name} was changed by somebody else in the meantime.`, {
    innerCode: 'KeyChanged',
  });
}

export function keyLimitReached(limit: number): StrongroomError {
  return new StrongroomError('BadParameter', `The HSM pool holds ${limit} keys, and no more fit in.`, {
    innerCode: 'KeyLimitReached',
  });
}

export function keyVersionLimitReached(name: string, limit: number): StrongroomError {
  return new StrongroomError('BadParameter', `The key ${name} can have ${limit} versions, and no more fit in.`, {
    innerCode: 'KeyVersionLimitReached',
  });
}

export function keyVersionNotFound(name: string, version: string): StrongroomError {
  return new StrongroomError('KeyNotFound', `A key with (name/id) ${name}/${version} was not found in this HSM pool.`);
}

export function encryptionLimitReached(): StrongroomError {
  return new StrongroomError(
    'Forbidden',
    'This key version has encrypted as often as it may with random initialisation vectors: rotate the key.',
    { innerCode: 'EncryptionLimitReached' },
  );
}

/** Not all documents are there that were to get another seal, or more of them. */
export function documentsChanged(): StrongroomError {
  return new StrongroomError('Conflict', 'Documents have changed meanwhile.', { innerCode: 'DocumentChanged' });
}

export function documentChanged({ collection, id }: { collection: string; id: string }): StrongroomError {
  const what = `The ${collection.replaceAll('_', ' ')} ${id}`;
  return new StrongroomError('Conflict', `${what} was changed by somebody else in the meantime.`, {
    innerCode: 'DocumentChanged',
  });
}

/** Somebody else has begun a restore of his own meanwhile. */
export function stagedKeysMissing(): StrongroomError {
  return new StrongroomError('Conflict', 'Keys that were to be restored are not staged any more.', {
    innerCode: 'StagedKeysMissing',
  });
}

/** What was let in before a restore is not done after it. */
export function everythingReplaced(): StrongroomError {
  return new StrongroomError(
    'Conflict',
    'The pool was restored while the request was under way: nothing of it was done.',
    {
      innerCode: 'RestoreInProgress',
    },
  );
}

export function residentKeys(name: string): StrongroomError {
  return new StrongroomError(
    'NotSupported',
    `The HSM keeps the key ${name} itself: such keys are in no backup, and no restore can bring them back.`,
    { innerCode: 'ResidentKeys' },
  );
}

/** What it is that was edited, swapped or cannot be read is for the log, and not for the caller. */
export function storeTampered(cause: unknown): StrongroomError {
  return new StrongroomError('StoreTampered', 'A record in the store is not what was stored.', { cause });
}

export function storeClosed(cause?: unknown): StrongroomError {
  return new StrongroomError('ServiceUnavailable', 'The store is closed.', cause === undefined ? {} : { cause });
}
