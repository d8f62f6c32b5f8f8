import type { Curve, KeyType, PublicKey } from '../model/key.ts';
import { LIMITS } from '../model/limits.ts';
import { type NativeVerifyingKey, nativeAddon, type SignatureScheme } from '../pkcs11/binding.ts';
import type { HsmHost } from './hsm_host.ts';

/**
 * Which ECDSA signatures and HMACs are verified before they are let out: all, one in sixteen (and no more than 128 a second), or none. RSA
 * signatures are verified whatever this says: one wrong CRT signature gives the private key away (Boneh, DeMillo, Lipton 1997), and to verify
 * takes a fiftieth of what it takes to sign. To verify on P-256 takes longer than to sign.
 */
export type SignatureCheckPolicy = 'always' | 'sampled' | 'off';

const SHARES: Readonly<Record<SignatureCheckPolicy, number>> = { always: 1, sampled: 1 / 16, off: 0 };

const SAMPLES = { perMs: 0.128, atOnce: 16 };
/** Microseconds of the event loop in which signatures are verified: a tenth of its time. What comes beyond that goes to the thread pool. */
const ON_EVENT_LOOP_US = { perMs: 100, atOnce: 1_000 };
/** Bytes of a modulus, and what it takes to verify under it; the time grows with the square. bench/README.md, "What verifying signatures costs". */
const RSA = { bytes: 256, us: 22 };
const P_256_US = 75;
const LONGEST_QUICK_EXPONENT = 4;

/** As OpenSSL names them. */
const GROUPS: Readonly<Record<Curve, string>> = {
  'P-256': 'P-256',
  'P-256K': 'secp256k1',
  'P-384': 'P-384',
  'P-521': 'P-521',
};

type AsymmetricKey = Exclude<PublicKey, { keyType: 'oct-HSM' }>;

/**
 * Verifies what the token has signed, under the public key that is published, with other code and in another process than the vendor's. An
 * HMAC nobody but a token can verify: whoever asks for it has another host do that.
 */
export class SignatureCheck {
  readonly #share: number;
  readonly #samples: Allowance;
  readonly #onEventLoop: Allowance;
  readonly #keys = new Map<AsymmetricKey, NativeVerifyingKey>();

  /** The clock is in milliseconds. @throws TypeError */
  constructor(policy: SignatureCheckPolicy = 'sampled', clock: () => number = () => performance.now()) {
    if (!Object.hasOwn(SHARES, policy))
      throw new TypeError(`Expected one of ${Object.keys(SHARES).join(', ')} for signatureChecks, received ${policy}`);
    this.#share = SHARES[policy];
    this.#samples = new Allowance(SAMPLES, clock);
    this.#onEventLoop = new Allowance(ON_EVENT_LOOP_US, clock);
  }

  /** Whether a signature of this host is to be verified. By chance, because callers who take turns could hide behind any rhythm. */
  isDue(keyType: KeyType, host: HsmHost): boolean {
    if (keyType === 'RSA-HSM' || this.#share === 1) return true;
    return this.#share > 0 && (host.distrusted || (Math.random() < this.#share && this.#samples.take(1)));
  }

  /**
   * `signed` is what went into the token. Answers at once where verifying takes no longer than having it done by another thread, and the event
   * loop has not spent its share on that.
   */
  isRight(
    publicKey: AsymmetricKey,
    scheme: SignatureScheme,
    signed: Uint8Array,
    signature: Uint8Array,
  ): boolean | Promise<boolean> {
    const key = this.#keyOf(publicKey);
    const us = quickUs(publicKey);
    const isNow = us !== undefined && this.#onEventLoop.take(us);
    return isNow ? key.verifyNow(scheme, signed, signature) : key.verify(scheme, signed, signature);
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

/** How long it takes to verify under this key; undefined where that is long. */
function quickUs(publicKey: AsymmetricKey): number | undefined {
  if (publicKey.keyType === 'EC-HSM') return publicKey.curve === 'P-256' ? P_256_US : undefined;
  const { modulus, publicExponent } = publicKey;
  return publicExponent.length <= LONGEST_QUICK_EXPONENT ? RSA.us * (modulus.length / RSA.bytes) ** 2 : undefined;
}

/**
 * So much in a millisecond, and what was not used of it, up to a bound. Of samples that is what sampling costs where tokens are fast: what lies
 * once in a while is found by one in a thousand signatures a moment later.
 */
class Allowance {
  readonly #perMs: number;
  readonly #atOnce: number;
  readonly #clock: () => number;
  #left: number;
  #at: number;

  constructor({ perMs, atOnce }: { readonly perMs: number; readonly atOnce: number }, clock: () => number) {
    this.#perMs = perMs;
    this.#atOnce = atOnce;
    this.#clock = clock;
    this.#left = atOnce;
    this.#at = clock();
  }

  take(amount: number): boolean {
    const now = this.#clock();
    this.#left = Math.min(this.#atOnce, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < amount) return false;
    this.#left -= amount;
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
