import type { Curve, PublicKey } from '../model/key.ts';
import { LIMITS } from '../model/limits.ts';
import { type NativeVerifyingKey, nativeAddon, type SignatureScheme } from '../pkcs11/binding.ts';
import type { HsmHost } from './hsm_host.ts';

/**
 * Which ECDSA signatures are verified before they are let out: all, one in sixteen (and no more than 128 a second), or none. RSA signatures
 * are verified whatever this says: one wrong CRT signature gives the private key away (Boneh, DeMillo, Lipton 1997), and to verify takes a
 * fiftieth of what it takes to sign. To verify on P-256 takes longer than to sign.
 */
export type SignatureCheckPolicy = 'always' | 'sampled' | 'off';

const SHARES: Readonly<Record<SignatureCheckPolicy, number>> = { always: 1, sampled: 1 / 16, off: 0 };

const SAMPLES_PER_MS = 0.128;
const SAMPLES_AT_ONCE = 16;

/** As OpenSSL names them. */
const GROUPS: Readonly<Record<Curve, string>> = {
  'P-256': 'P-256',
  'P-256K': 'secp256k1',
  'P-384': 'P-384',
  'P-521': 'P-521',
};

type AsymmetricKey = Exclude<PublicKey, { keyType: 'oct-HSM' }>;

/**
 * Verifies what the token has signed, under the public key that is published, with other code, in another process than the vendor's, and
 * on another thread than the event loop's. An HMAC only the token could verify, so nobody does.
 */
export class SignatureCheck {
  readonly #share: number;
  readonly #samples: Samples;
  readonly #keys = new Map<AsymmetricKey, NativeVerifyingKey>();

  /** The clock is in milliseconds. @throws TypeError */
  constructor(policy: SignatureCheckPolicy = 'sampled', clock: () => number = () => performance.now()) {
    if (!Object.hasOwn(SHARES, policy))
      throw new TypeError(`Expected one of ${Object.keys(SHARES).join(', ')} for signatureChecks, received ${policy}`);
    this.#share = SHARES[policy];
    this.#samples = new Samples(clock);
  }

  /** Whether a signature of this host is to be verified. By chance, because callers who take turns could hide behind any rhythm. */
  isDue(publicKey: AsymmetricKey, host: HsmHost): boolean {
    if (publicKey.keyType === 'RSA-HSM' || this.#share === 1) return true;
    return this.#share > 0 && (host.distrusted || (Math.random() < this.#share && this.#samples.take()));
  }

  /** `signed` is what went into the token. */
  isRight(
    publicKey: AsymmetricKey,
    scheme: SignatureScheme,
    signed: Uint8Array,
    signature: Uint8Array,
  ): Promise<boolean> {
    return this.#keyOf(publicKey).verify(scheme, signed, signature);
  }

  #keyOf(publicKey: AsymmetricKey): NativeVerifyingKey {
    const known = this.#keys.get(publicKey);
    if (known !== undefined) return known;
    // The one that has been there for longest goes: of keys in turn none would stay the one that was used last.
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size < LIMITS.verifyingKeysCached) break;
      this.#keys.delete(oldest);
    }
    const key = verifyingKey(publicKey);
    this.#keys.set(publicKey, key);
    return key;
  }
}

/** Bounds what sampling costs where tokens are fast: what lies once in a while is found by one in a thousand signatures a moment later. */
class Samples {
  readonly #clock: () => number;
  #left = SAMPLES_AT_ONCE;
  #at: number;

  constructor(clock: () => number) {
    this.#clock = clock;
    this.#at = clock();
  }

  take(): boolean {
    const now = this.#clock();
    this.#left = Math.min(SAMPLES_AT_ONCE, this.#left + (now - this.#at) * SAMPLES_PER_MS);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

function verifyingKey(publicKey: AsymmetricKey): NativeVerifyingKey {
  const { VerifyingKey } = nativeAddon();
  if (publicKey.keyType === 'RSA-HSM') {
    const { modulus, publicExponent } = publicKey;
    return new VerifyingKey({ modulus, publicExponent });
  }
  const { curve, x, y } = publicKey;
  return new VerifyingKey({ group: GROUPS[curve], x, y });
}
