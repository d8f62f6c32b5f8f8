import pkcs11js from 'pkcs11js';
import { DIGEST_BYTES, INPUT_BYTES, type OperationId } from '../operations.ts';
import type { ContenderSetup } from './contender.ts';

/** DER of DigestInfo for SHA-256 without the digest (RFC 8017 §9.2, note 1). */
const DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const P_256 = Buffer.from('06082a8648ce3d030107', 'hex');
const IV_BYTES = 12;
const TAG_BITS = 128;

export type KeyedOperation = Exclude<OperationId, 'random'>;

/** A module loaded by pkcs11js with one key per operation, as a program that uses that library would have it. */
export class Pkcs11jsToken {
  readonly cryptoki = new pkcs11js.PKCS11();
  readonly #slot: Buffer;
  readonly #keys: Readonly<Record<KeyedOperation, Buffer>>;

  constructor(setup: ContenderSetup) {
    this.cryptoki.load(setup.module);
    // Without the flag SoftHSM takes no locks, and the first concurrent calls end the process.
    this.cryptoki.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
    this.#slot = this.#findSlot(setup.tokenSerial);
    // Session objects live as long as the session that made them, so this one stays open.
    const session = this.openSession();
    this.cryptoki.C_Login(session, pkcs11js.CKU_USER, setup.pin);
    this.#keys = {
      'rsa-2048': this.#makePair(session, setup, pkcs11js.CKM_RSA_PKCS_KEY_PAIR_GEN, [
        { type: pkcs11js.CKA_MODULUS_BITS, value: 2048 },
        { type: pkcs11js.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) },
      ]),
      'p-256': this.#makePair(session, setup, pkcs11js.CKM_EC_KEY_PAIR_GEN, [
        { type: pkcs11js.CKA_EC_PARAMS, value: P_256 },
      ]),
      'aes-256-gcm': this.#makeSecret(session, setup, pkcs11js.CKM_AES_KEY_GEN, pkcs11js.CKA_ENCRYPT),
      'hmac-sha256': this.#makeSecret(session, setup, pkcs11js.CKM_GENERIC_SECRET_KEY_GEN, pkcs11js.CKA_SIGN),
    };
  }

  openSession(): Buffer {
    return this.cryptoki.C_OpenSession(this.#slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  }

  key(operation: KeyedOperation): Buffer {
    return this.#keys[operation];
  }

  #findSlot(tokenSerial: string): Buffer {
    const found = this.cryptoki
      .C_GetSlotList(true)
      .find((slot) => this.cryptoki.C_GetTokenInfo(slot).serialNumber.trim() === tokenSerial);
    if (found === undefined) throw new Error('The token is not in any slot');
    return found;
  }

  #makePair(session: Buffer, setup: ContenderSetup, type: number, publicTemplate: pkcs11js.Template): Buffer {
    const verify = { type: pkcs11js.CKA_VERIFY, value: true };
    const template = [...secretAttributes(setup), { type: pkcs11js.CKA_SIGN, value: true }];
    const mechanism = { mechanism: type };
    return this.cryptoki.C_GenerateKeyPair(session, mechanism, [verify, ...publicTemplate], template).privateKey;
  }

  #makeSecret(session: Buffer, setup: ContenderSetup, type: number, use: number): Buffer {
    return this.cryptoki.C_GenerateKey(session, { mechanism: type }, [
      ...secretAttributes(setup),
      { type: pkcs11js.CKA_VALUE_LEN, value: 32 },
      { type: use, value: true },
    ]);
  }
}

function secretAttributes(setup: ContenderSetup): pkcs11js.Template {
  return [
    { type: pkcs11js.CKA_TOKEN, value: setup.objects === 'token' },
    { type: pkcs11js.CKA_PRIVATE, value: setup.visibility === 'private' },
    { type: pkcs11js.CKA_SENSITIVE, value: true },
    { type: pkcs11js.CKA_EXTRACTABLE, value: false },
  ];
}

const SIGN_MECHANISMS: Readonly<Record<Exclude<KeyedOperation, 'aes-256-gcm'>, number>> = {
  'rsa-2048': pkcs11js.CKM_RSA_PKCS,
  'p-256': pkcs11js.CKM_ECDSA,
  'hmac-sha256': pkcs11js.CKM_SHA256_HMAC,
};

export const signMechanism = (operation: Exclude<KeyedOperation, 'aes-256-gcm'>): pkcs11js.Mechanism => ({
  mechanism: SIGN_MECHANISMS[operation],
});

/** What is signed or encrypted. Callers keep it referenced: pkcs11js does not while an asynchronous call runs (pkcs11js#121). */
export function operationInput(operation: KeyedOperation): Buffer {
  if (operation === 'rsa-2048') return Buffer.concat([DIGEST_INFO, Buffer.alloc(DIGEST_BYTES, 1)]);
  return Buffer.alloc(operation === 'p-256' ? DIGEST_BYTES : INPUT_BYTES, 1);
}

/** AES-GCM with an IV that a counter makes unique: the cheapest way that is still correct. */
export class GcmMechanism {
  readonly #iv = Buffer.alloc(IV_BYTES);
  #counter = 0;

  next(): pkcs11js.Mechanism {
    this.#iv.writeUIntBE(++this.#counter, IV_BYTES - 6, 6);
    const parameter: pkcs11js.GcmParams = {
      type: pkcs11js.CK_PARAMS_AES_GCM_v240,
      iv: this.#iv,
      ivBits: IV_BYTES * 8,
      tagBits: TAG_BITS,
    };
    return { mechanism: pkcs11js.CKM_AES_GCM, parameter };
  }
}
