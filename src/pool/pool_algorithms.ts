import { ALGORITHMS, type Algorithm, type AlgorithmName, type Realisation } from '../model/algorithm.ts';
import { RING_OPERATION, type RingOperation } from '../pkcs11/binding.ts';
import { MECHANISM } from '../pkcs11/mechanism.ts';
import type { HostToken } from './hsm_host.ts';

/**
 * How a pool does each algorithm: the way that the most of its tokens have, and of those the best. Work then goes to the tokens that have it.
 */
export class PoolAlgorithms {
  #chosen: ReadonlyMap<AlgorithmName, Realisation> = new Map();

  realisation(name: AlgorithmName): Realisation | undefined {
    return this.#chosen.get(name);
  }

  /** How this token does it: as the pool does where it can. */
  realisationOn({ name, realisations }: Algorithm, token: HostToken): Realisation | undefined {
    const chosen = this.#chosen.get(name);
    if (chosen !== undefined && token.realisations.has(chosen)) return chosen;
    return realisations.find((each) => token.realisations.has(each));
  }

  /** Other tokens: true when something is done in another way from now on. */
  learn(tokens: readonly HostToken[]): boolean {
    const chosen = new Map<AlgorithmName, Realisation>();
    for (const algorithm of ALGORITHMS.values()) {
      const best = mostOffered(algorithm, tokens);
      if (best !== undefined) chosen.set(algorithm.name, best);
    }
    const before = this.#chosen;
    this.#chosen = chosen;
    return [...ALGORITHMS.keys()].some((name) => before.get(name) !== chosen.get(name));
  }
}

const WRAPPING: ReadonlySet<RingOperation> = new Set<RingOperation>([
  RING_OPERATION.wrap,
  RING_OPERATION.unwrap,
  RING_OPERATION.wrapBytes,
  RING_OPERATION.unwrapBytes,
]);

/** By C_WrapKey and C_UnwrapKey, as keys are kept. */
export function isKeyWrap(operation: RingOperation, mechanism: number): boolean {
  return WRAPPING.has(operation) && mechanism === MECHANISM.CKM_AES_KEY_WRAP_PAD;
}

/** Whether other tokens do everything that this one does by a mechanism, in whatever way. */
export function areDoneByOthers(mechanism: number, token: HostToken, others: readonly HostToken[]): boolean {
  const isBy = (each: Realisation): boolean => MECHANISM[each.mechanism] === mechanism && token.realisations.has(each);
  const algorithms = [...ALGORITHMS.values()].filter(({ realisations }) => realisations.some(isBy));
  if (algorithms.length === 0) return others.some(({ mechanisms }) => mechanisms.has(mechanism));
  return algorithms.every(({ realisations }) =>
    others.some((other) => realisations.some((each) => other.realisations.has(each))),
  );
}

function mostOffered({ realisations }: Algorithm, tokens: readonly HostToken[]): Realisation | undefined {
  let best: Realisation | undefined;
  let most = 0;
  for (const realisation of realisations) {
    const offers = tokens.filter((token) => token.realisations.has(realisation)).length;
    if (offers > most) {
      best = realisation;
      most = offers;
    }
  }
  return best;
}
