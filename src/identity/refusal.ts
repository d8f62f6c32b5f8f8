import { StrongroomError } from '../model/errors.ts';

/** What an access token is not accepted for. The reason is for the log: the caller gets the challenge again, and nothing else. */
export function notAccepted(reason: string, cause?: unknown): StrongroomError {
  return new StrongroomError('Unauthorized', `The access token is not accepted: ${reason}.`, { cause });
}

/** A member of more groups than fit into a token: who it belongs to is known, and not what they may do. */
export function tooManyGroups(): StrongroomError {
  const reason =
    'its holder is in more groups than a token lists; let the issuer list fewer of them (those assigned to the application, say), or assign roles to the holder itself';
  return new StrongroomError('Unauthorized', `The access token is not accepted: ${reason}.`, {
    innerCode: 'GroupOverage',
  });
}
