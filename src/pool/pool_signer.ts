import type { AlgorithmName } from '../model/algorithm.ts';
import { StrongroomError } from '../model/errors.ts';
import { SIGNATURE_SCHEME } from '../pkcs11/binding.ts';
import type { SigningKeyName } from '../pkcs11/pool_key_template.ts';
import type { Completion, HsmHost } from './hsm_host.ts';
import type { CallOptions, RequestFor } from './pool_call.ts';
import {
  readSigningPublicKey,
  type SigningPublicKey,
  sealRequest,
  sealVerification,
  signatureRequest,
} from './pool_keys.ts';
import type { SelfTest } from './self_test.ts';
import type { SignatureCheck } from './signature_check.ts';

export interface PoolSignerOptions {
  readonly call: (request: RequestFor, options: CallOptions) => Promise<Completion>;
  readonly anyHost: () => HsmHost | undefined;
  readonly selfTest: SelfTest;
  readonly signatureCheck: SignatureCheck;
  /** A seal of `host` is none as `other` sees it. */
  readonly onDisagreement: (host: HsmHost, other: HsmHost) => void;
}

/** Seals and signs with the pool's own keys. What it gives is for good, and seldom: each is verified before anybody has it. */
export class PoolSigner {
  readonly #options: PoolSignerOptions;
  readonly #publicKeys = new Map<SigningKeyName, SigningPublicKey>();

  constructor(options: PoolSignerOptions) {
    this.#options = options;
  }

  /** HMAC-SHA256 under the seal key. What is written under a wrong one would count as tampered with. */
  async seal(bytes: Uint8Array): Promise<Uint8Array> {
    const request = (host: HsmHost) => this.#tested('HS256', host, () => sealRequest(host, bytes));
    const completion = await this.#options.call(request, {
      check: ({ answer }, host) => this.#isSeal(bytes, answer, host),
    });
    return completion.answer;
  }

  async verifySeal(bytes: Uint8Array, seal: Uint8Array): Promise<boolean> {
    const request = (host: HsmHost) => this.#tested('HS256', host, () => sealVerification(host, bytes, seal));
    return (await this.#options.call(request, {})).returnValue === 0;
  }

  /** ECDSA P-256 over a SHA-256 digest, as r ‖ s. */
  async sign(name: SigningKeyName, digest: Uint8Array): Promise<Uint8Array> {
    const request = (host: HsmHost) => this.#tested('ES256', host, () => signatureRequest(host, name, digest));
    const completion = await this.#options.call(request, {
      check: ({ answer }, host) => this.#isSignature(name, digest, answer, host),
    });
    return completion.answer;
  }

  async publicKey(
    name: SigningKeyName,
    host: HsmHost | undefined = this.#options.anyHost(),
  ): Promise<SigningPublicKey> {
    if (host === undefined) throw new StrongroomError('ServiceUnavailable', 'The HSM is not available now.');
    return readSigningPublicKey(async (request) => (await this.#options.call(request, { host })).answer, name);
  }

  /** As another host sees it, where there is one. */
  async #isSeal(bytes: Uint8Array, seal: Uint8Array, sealer: HsmHost): Promise<boolean> {
    let verifier = sealer;
    const request = (host: HsmHost) => {
      verifier = host;
      return this.#tested('HS256', host, () => sealVerification(host, bytes, seal));
    };
    const { returnValue } = await this.#options.call(request, { avoided: sealer });
    if (returnValue !== 0) this.#options.onDisagreement(sealer, verifier);
    return returnValue === 0;
  }

  async #isSignature(name: SigningKeyName, digest: Uint8Array, signature: Uint8Array, host: HsmHost): Promise<boolean> {
    const publicKey = this.#publicKeys.get(name) ?? (await this.publicKey(name, host));
    this.#publicKeys.set(name, publicKey);
    return this.#options.signatureCheck.isRight(publicKey, SIGNATURE_SCHEME.ecdsa, digest, signature);
  }

  #tested<Request>(algorithm: AlgorithmName, host: HsmHost, request: () => Request): Request | Promise<Request> {
    const tested = this.#options.selfTest.ensure(algorithm, host);
    return tested === true ? request() : tested.then(request);
  }
}
