import type { Algorithm, Realisation } from '../model/algorithm.ts';
import type { KeyMaterial } from '../model/key.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import { importTemplate, type ObjectPlacement, publicKeyTemplate } from '../pkcs11/key_template.ts';
import { CryptokiFailure, reactionTo } from '../pkcs11/return_value.ts';
import { digestInfo } from '../pkcs11/signature_format.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS } from '../pkcs11/template.ts';
import type { Completion, HsmHost, RingRequest } from './hsm_host.ts';
import { ringRequest } from './ring_request.ts';
import { type AskHost, askTwice, testParameter, testRequest } from './self_test_request.ts';
import type { SelfTestVector } from './self_test_vectors.ts';
import { decodeHandles } from './token_answers.ts';

const IN_SESSION: ObjectPlacement = { kind: 'session', private: true };
const HANDLE_BYTES = 8;

interface TestKeys {
  readonly secret: number;
  readonly public: number;
}

/** Undefined when the token gives the known answer, otherwise what it did instead. */
export async function checkKnownAnswer(
  ask: AskHost,
  host: HsmHost,
  algorithm: Algorithm,
  realisation: Realisation,
  vector: SelfTestVector,
): Promise<string | undefined> {
  const test = new KnownAnswerTest(ask, host, algorithm, realisation, vector);
  const keys = await test.importKeys();
  try {
    return algorithm.operations.has('sign') ? await test.checkSignature(keys) : await test.checkCipher(keys);
  } finally {
    await test.destroyKeys();
  }
}

/** RSA with random padding and ECDSA give another answer each time; of all others there is one. */
function isRandomised(algorithm: Algorithm, realisation: Realisation): boolean {
  if (algorithm.keyType === 'EC-HSM') return true;
  return algorithm.keyType === 'RSA-HSM' && (realisation.parameter === 'pss' || !algorithm.operations.has('sign'));
}

class KnownAnswerTest {
  readonly #ask: AskHost;
  readonly #host: HsmHost;
  readonly #algorithm: Algorithm;
  readonly #realisation: Realisation;
  readonly #vector: SelfTestVector;
  readonly #objects: number[] = [];

  constructor(ask: AskHost, host: HsmHost, algorithm: Algorithm, realisation: Realisation, vector: SelfTestVector) {
    this.#ask = ask;
    this.#host = host;
    this.#algorithm = algorithm;
    this.#realisation = realisation;
    this.#vector = vector;
  }

  async importKeys(): Promise<TestKeys> {
    const { key } = this.#vector;
    const secret = await this.#create(secretTemplate(key, this.#algorithm));
    if (key.keyType === 'oct-HSM') return { secret, public: secret };
    return { secret, public: await this.#create(publicKeyTemplate(key, IN_SESSION)) };
  }

  async destroyKeys(): Promise<void> {
    // An instance that died in the test has taken the objects with it.
    const destroyed = this.#objects.map((object) =>
      this.#ask(this.#host, ringRequest(RING_OPERATION.destroy, { object }), 'engine'),
    );
    await Promise.allSettled(destroyed);
  }

  async checkSignature(keys: TestKeys): Promise<string | undefined> {
    const { output } = this.#vector;
    const wrong = output.slice();
    wrong[wrong.length - 1] = (wrong[wrong.length - 1] as number) ^ 1;
    if ((await this.#perform('verify', keys, output)).returnValue !== 0) return 'the known signature does not verify';
    if ((await this.#perform('verify', keys, wrong, true)).returnValue === 0) return 'a wrong signature verifies';
    const signed = await this.#perform('sign', keys);
    if (signed.returnValue !== 0) return 'it does not sign';
    if (!isRandomised(this.#algorithm, this.#realisation)) {
      return equal(signed.answer, output) ? undefined : 'it signs, but not with the known signature';
    }
    const verified = await this.#perform('verify', keys, signed.answer);
    return verified.returnValue === 0 ? undefined : 'its own signature does not verify';
  }

  async checkCipher(keys: TestKeys): Promise<string | undefined> {
    const { input, output } = this.#vector;
    const decrypted = await this.#perform('decrypt', keys, output);
    if (decrypted.returnValue !== 0 || !equal(decrypted.answer, input)) return 'the known ciphertext does not decrypt';
    const encrypted = await this.#perform('encrypt', keys, input);
    if (encrypted.returnValue !== 0) return 'it does not encrypt';
    if (isRandomised(this.#algorithm, this.#realisation)) {
      const again = await this.#perform('decrypt', keys, encrypted.answer);
      return again.returnValue === 0 && equal(again.answer, input) ? undefined : 'its own ciphertext does not decrypt';
    }
    if (!equal(encrypted.answer, output)) return 'it encrypts, but not to the known ciphertext';
    return this.#algorithm.tagBytes === undefined ? undefined : this.#checkForgery(keys);
  }

  async #checkForgery(keys: TestKeys): Promise<string | undefined> {
    const forged = this.#vector.output.slice();
    forged[0] = (forged[0] as number) ^ 1;
    const decrypted = await this.#perform('decrypt', keys, forged, true);
    return decrypted.returnValue === 0 ? 'a forged ciphertext decrypts' : undefined;
  }

  /** `value` is the signature to verify, or what is to be encrypted or decrypted; what is forged has to be refused. */
  #perform(
    direction: 'sign' | 'verify' | 'encrypt' | 'decrypt',
    keys: TestKeys,
    value?: Uint8Array,
    isForged = false,
  ): Promise<Completion> {
    const { iv, aad } = this.#vector;
    const parameter = testParameter(this.#realisation, iv, aad, this.#algorithm.tagBytes ?? 0);
    const object = direction === 'sign' || direction === 'decrypt' ? keys.secret : keys.public;
    const request =
      direction === 'sign' || direction === 'verify'
        ? testRequest(this.#realisation, direction, parameter, object, this.#signedBytes(), value)
        : testRequest(this.#realisation, direction, parameter, object, value as Uint8Array);
    return isForged ? this.#ask(this.#host, request, 'caller') : this.#askForKnown(request);
  }

  /** Nothing in it is a caller's: an error that a caller's bytes could have brought about is the token's own, if it comes again. */
  async #askForKnown(request: RingRequest): Promise<Completion> {
    try {
      return await askTwice(this.#ask, this.#host, request);
    } catch (error) {
      const { cause } = error as Error;
      const mayBeOfInput =
        cause instanceof CryptokiFailure &&
        reactionTo(request.operation, 'caller', cause.returnValue) !==
          reactionTo(request.operation, 'engine', cause.returnValue);
      if (!mayBeOfInput) throw error;
      return this.#ask(this.#host, request, 'engine');
    }
  }

  #signedBytes(): Uint8Array {
    const { way, hash } = this.#realisation;
    if (way !== 'digestInfo' || hash === undefined || hash === 'SHA-1') return this.#vector.input;
    return digestInfo(hash, this.#vector.input);
  }

  async #create(template: Uint8Array): Promise<number> {
    const request = ringRequest(RING_OPERATION.create, { template, capacity: HANDLE_BYTES });
    const completion = await this.#ask(this.#host, request, 'engine');
    const [handle] = decodeHandles(completion.answer);
    if (handle === undefined) throw new TypeError('The lane answered a creation without a handle');
    this.#objects.push(handle);
    return handle;
  }
}

function secretTemplate(key: KeyMaterial, algorithm: Algorithm): Uint8Array {
  if (key.keyType !== 'oct-HSM' || algorithm.secretObject !== 'genericSecret')
    return importTemplate(key, IN_SESSION, 'locked');
  return encodeTemplate({
    CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
    CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET,
    CKA_TOKEN: false,
    CKA_PRIVATE: true,
    CKA_SENSITIVE: true,
    CKA_EXTRACTABLE: false,
    CKA_SIGN: true,
    CKA_VERIFY: true,
    CKA_VALUE: key.value,
  });
}

function equal(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
