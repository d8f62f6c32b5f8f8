import type { Algorithm, Realisation } from '../model/algorithm.ts';
import { MECHANISM, MECHANISM_FLAG } from '../pkcs11/mechanism.ts';
import type { MechanismSupport } from './token_answers.ts';
import type { TokenProfile } from './token_profile.ts';

const { CKF_SIGN, CKF_VERIFY, CKF_ENCRYPT, CKF_DECRYPT, CKF_WRAP, CKF_UNWRAP } = MECHANISM_FLAG;

/** The ways of doing an algorithm that a token has, the best one first. */
export function realisationsOf(
  algorithm: Algorithm,
  mechanisms: ReadonlyMap<number, MechanismSupport>,
  profile: Pick<TokenProfile, 'oaepHashes' | 'curves'>,
): Realisation[] {
  if (algorithm.curve !== undefined && !profile.curves.has(algorithm.curve)) return [];
  return algorithm.realisations.filter((realisation) => {
    const flags = mechanisms.get(MECHANISM[realisation.mechanism])?.flags ?? 0;
    const needed = neededFlags(algorithm, realisation);
    if ((flags & needed) !== needed) return false;
    return (
      realisation.parameter !== 'oaep' || (realisation.hash !== undefined && profile.oaepHashes.has(realisation.hash))
    );
  });
}

function neededFlags(algorithm: Algorithm, realisation: Realisation): number {
  if (algorithm.operations.has('sign')) return CKF_SIGN | CKF_VERIFY;
  return realisation.way === 'wrapObject' ? CKF_WRAP | CKF_UNWRAP : CKF_ENCRYPT | CKF_DECRYPT;
}
