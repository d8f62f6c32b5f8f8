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

export function settingChanged(name: string): StrongroomError {
  return new StrongroomError('Conflict', `The setting ${name} was changed by somebody else in the meantime.`, {
    innerCode: 'SettingChanged',
  });
}

export function storeClosed(cause?: unknown): StrongroomError {
  return new StrongroomError('ServiceUnavailable', 'The store is closed.', cause === undefined ? {} : { cause });
}
