import type {
  DecryptRequest,
  EncryptRequest,
  KeyReference,
  SignRequest,
  UnwrapKeyRequest,
  VerifyRequest,
  WrapKeyRequest,
} from '../../engine/requests.ts';
import { decodeBase64url, decodeOptional } from './base64url.ts';
import { type KeyOperationBody, type KeySignBody, type KeyVerifyBody, requireAlgorithm } from './key_operation.ts';

/*
 * Bodies of operations with a key as the engine wants them. What may be a secret is decoded last: when something else is malformed, there
 * is nothing to zeroise. All throw StrongroomError `BadParameter`.
 */

export function readSign(key: KeyReference, { alg, value }: KeySignBody): SignRequest {
  return { key, algorithm: requireAlgorithm(alg), digest: decodeBase64url('value', value) };
}

export function readVerify(key: KeyReference, { alg, digest, value }: KeyVerifyBody): VerifyRequest {
  return {
    key,
    algorithm: requireAlgorithm(alg),
    digest: decodeBase64url('digest', digest),
    signature: decodeBase64url('value', value),
  };
}

export function readEncrypt(key: KeyReference, { alg, value, iv, aad }: KeyOperationBody): EncryptRequest {
  return {
    key,
    algorithm: requireAlgorithm(alg),
    iv: decodeOptional('iv', iv),
    aad: decodeOptional('aad', aad),
    plaintext: decodeBase64url('value', value),
  };
}

export function readDecrypt(key: KeyReference, { alg, value, iv, aad, tag }: KeyOperationBody): DecryptRequest {
  return {
    key,
    algorithm: requireAlgorithm(alg),
    ciphertext: decodeBase64url('value', value),
    iv: decodeOptional('iv', iv),
    aad: decodeOptional('aad', aad),
    tag: decodeOptional('tag', tag),
  };
}

/** What is wrapped and what is unwrapped look the same. */
export function readWrap(key: KeyReference, { alg, value }: KeyOperationBody): WrapKeyRequest & UnwrapKeyRequest {
  return { key, algorithm: requireAlgorithm(alg), value: decodeBase64url('value', value) };
}
