import type { Realisation } from '../model/algorithm.ts';
import { ALGORITHMS, type Algorithm, type AlgorithmName } from '../model/algorithm.ts';
import { StrongroomError } from '../model/errors.ts';
import type { PublicKey } from '../model/key.ts';
import type { HsmHost } from './hsm_host.ts';
import { checkKnownAnswer } from './known_answer.ts';
import { checkPair } from './pairwise_consistency.ts';
import type { AskHost } from './self_test_request.ts';
import { SELF_TEST_VECTORS } from './self_test_vectors.ts';

export interface SelfTestOptions {
  readonly ask: AskHost;
  /** How the host's token does an algorithm; undefined when it does not. */
  readonly realisation: (algorithm: Algorithm, host: HsmHost) => Realisation | undefined;
  /** Puts the host's token into the error state. */
  readonly onFailure: (reason: string, host: HsmHost) => void;
}

/**
 * Conditional self-tests, in the manner of FIPS 140-3 (ISO/IEC 19790 §7.10.3): each algorithm gives a known answer through the token before
 * its first use in an instance, and each new key pair proves that its halves belong together. A failure puts the token into an error
 * state, in which nothing that it gives is let out.
 */
export class SelfTest {
  readonly #options: SelfTestOptions;
  readonly #results = new Map<HsmHost, Map<AlgorithmName, true | Promise<void>>>();

  constructor(options: SelfTestOptions) {
    this.#options = options;
  }

  /**
   * True when the algorithm has passed in this instance, otherwise a promise of its test, which runs once however many ask.
   * It fails with SelfTestFailed, NotSupported, or whatever kept the test from being run, in which case the next to ask starts it again.
   */
  ensure(algorithm: AlgorithmName, host: HsmHost): true | Promise<void> {
    return this.#results.get(host)?.get(algorithm) ?? this.#begin(algorithm, host);
  }

  /**
   * A new key must not be stored before this has passed: what the token signs with the private half verifies outside of the token under
   * the public half that will be published; what it encrypts with a secret key it decrypts again. SelfTestFailed otherwise.
   */
  async pair(publicKey: PublicKey, object: number, host: HsmHost): Promise<void> {
    const problem = await checkPair(this.#options.ask, host, publicKey, object);
    if (problem !== undefined)
      throw this.#failure(`Pairwise consistency of a new ${publicKey.keyType} key in ${host.id}: ${problem}`, host);
  }

  /** The instance is gone: another one has to prove itself anew. */
  forget(host: HsmHost): void {
    this.#results.delete(host);
  }

  /** How algorithms are done has changed: each proves itself anew. */
  forgetAll(): void {
    this.#results.clear();
  }

  #begin(algorithm: AlgorithmName, host: HsmHost): Promise<void> {
    let ofHost = this.#results.get(host);
    if (ofHost === undefined) {
      ofHost = new Map();
      this.#results.set(host, ofHost);
    }
    const results = ofHost;
    const test = this.#test(algorithm, host).then(
      () => {
        results.set(algorithm, true);
      },
      (error: unknown) => {
        results.delete(algorithm);
        throw error;
      },
    );
    results.set(algorithm, test);
    return test;
  }

  async #test(name: AlgorithmName, host: HsmHost): Promise<void> {
    const algorithm = ALGORITHMS.get(name);
    if (algorithm === undefined) throw new TypeError(`There is no algorithm ${name}`);
    const realisation = this.#options.realisation(algorithm, host);
    if (realisation === undefined) throw new StrongroomError('NotSupported', `The HSM does not support ${name}.`);
    const problem = await checkKnownAnswer(this.#options.ask, host, algorithm, realisation, SELF_TEST_VECTORS[name]);
    if (problem !== undefined) throw this.#failure(`Known-answer test of ${name} in ${host.id}: ${problem}`, host);
  }

  #failure(reason: string, host: HsmHost): StrongroomError {
    this.#options.onFailure(reason, host);
    return new StrongroomError('SelfTestFailed', 'The HSM failed a self-test.', { cause: new Error(reason) });
  }
}
