import { type ErrorCode, StrongroomError } from '../model/errors.ts';
import { nativeAddon, type RingOperation } from '../pkcs11/binding.ts';
import { type CryptokiFailure, cryptokiFailure, reactionTo } from '../pkcs11/return_value.ts';
import type { Completion } from '../pool/hsm_host.ts';

let functionNames: readonly string[] | undefined;

/** What Cryptoki said, for a `cause`. */
export function failureOf(completion: Completion): CryptokiFailure {
  functionNames ??= nativeAddon().functionNames();
  return cryptokiFailure(functionNames[completion.function] ?? 'The host', completion.returnValue);
}

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  BadParameter: 'The HSM does not take this input.',
  DecryptionFailed: 'The value could not be decrypted.',
  Forbidden: 'The HSM does not permit this with the key.',
};

/** The token's refusal of a caller's operation, which the pool leaves to the engine to tell. */
export function refusalOf(operation: RingOperation, completion: Completion): StrongroomError {
  const { code } = reactionTo(operation, 'caller', completion.returnValue);
  return new StrongroomError(code, MESSAGES[code] ?? 'The operation failed inside the HSM.', {
    cause: failureOf(completion),
  });
}

/**
 * The one answer to every value that does not decrypt or unwrap, whatever the reason: the same code, the same message. Where the token
 * was asked, what it said is in the cause, for the log alone.
 */
export function decryptionFailed(cause?: unknown): StrongroomError {
  return new StrongroomError('DecryptionFailed', MESSAGES.DecryptionFailed as string, { cause });
}

/** For the engine's own requests, which no token has a reason to refuse. @throws StrongroomError `InternalError` */
export function requireOk(completion: Completion): Completion {
  if (completion.returnValue === 0) return completion;
  throw new StrongroomError('InternalError', 'The operation failed inside the HSM.', { cause: failureOf(completion) });
}
