import * as graphene from 'graphene-pk11';
import pkcs11js from 'pkcs11js';
import type { OperationId } from '../operations.ts';
import type { AsyncContender, ContenderSetup, Perform } from './contender.ts';
import { type KeyedOperation, operationInput } from './pkcs11js_token.ts';
import { serveContender } from './serve_contender.ts';

const SESSIONS = 64;
const OUTPUT_BYTES = 128;
const IV_BYTES = 12;
const SIGN_MECHANISMS: Readonly<Record<Exclude<KeyedOperation, 'aes-256-gcm'>, string>> = {
  'rsa-2048': 'RSA_PKCS',
  'p-256': 'ECDSA',
  'hmac-sha256': 'SHA256_HMAC',
};

/**
 * graphene-pk11 with its callbacks, made into promises. It copies each input into a Buffer that it does not keep, so that under pressure
 * of the garbage collector it may sign other bytes (pkcs11js#121); a caller cannot do anything about that, and the time is the same.
 */
class GrapheneAsync implements AsyncContender {
  readonly style = 'async';
  readonly slots = SESSIONS;
  #module!: graphene.Module;
  #sessions: graphene.Session[] = [];
  #keys!: Readonly<Record<KeyedOperation, graphene.Key>>;

  async open(setup: ContenderSetup): Promise<void> {
    this.#module = graphene.Module.load(setup.module, 'token');
    this.#module.initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK });
    const slot = findSlot(this.#module, setup.tokenSerial);
    const open = (): graphene.Session =>
      slot.open(graphene.SessionFlag.SERIAL_SESSION | graphene.SessionFlag.RW_SESSION);
    const session = open();
    session.login(setup.pin);
    this.#keys = makeKeys(session, setup);
    this.#sessions = Array.from({ length: SESSIONS }, open);
  }

  perform(operation: OperationId): Perform {
    if (operation === 'random') throw new Error('graphene has no asynchronous C_GenerateRandom');
    const sessions = this.#sessions;
    const key = this.#keys[operation];
    const input = operationInput(operation);
    if (operation === 'aes-256-gcm') return encryptWith(sessions, key, input);
    const mechanism = SIGN_MECHANISMS[operation];
    return (slot) =>
      new Promise<Buffer>((resolve, reject) => {
        const sign = sessions[slot]!.createSign(mechanism, key);
        sign.once(input, (error, signature) => (error ? reject(error) : resolve(signature)));
      });
  }

  async close(): Promise<void> {
    this.#module.finalize();
  }
}

function findSlot(module: graphene.Module, tokenSerial: string): graphene.Slot {
  const slots = module.getSlots(true);
  for (let i = 0; i < slots.length; i++) {
    const slot = slots.items(i);
    if (slot.getToken().serialNumber.trim() === tokenSerial) return slot;
  }
  throw new Error('The token is not in any slot');
}

function makeKeys(session: graphene.Session, setup: ContenderSetup): Record<KeyedOperation, graphene.Key> {
  const secret = {
    token: setup.objects === 'token',
    private: setup.visibility === 'private',
    sensitive: true,
    extractable: false,
  };
  const { KeyGenMechanism } = graphene;
  const rsa = { verify: true, modulusBits: 2048, publicExponent: Buffer.from([1, 0, 1]) };
  const ec = { verify: true, paramsECDSA: graphene.NamedCurve.getByName('secp256r1').value };
  const signing = { ...secret, sign: true };
  return {
    'rsa-2048': session.generateKeyPair(KeyGenMechanism.RSA, rsa, signing).privateKey,
    'p-256': session.generateKeyPair(KeyGenMechanism.EC, ec, signing).privateKey,
    'aes-256-gcm': session.generateKey(KeyGenMechanism.AES, { ...secret, valueLen: 32, encrypt: true }),
    'hmac-sha256': session.generateKey(KeyGenMechanism.GENERIC_SECRET, { ...secret, valueLen: 32, sign: true }),
  };
}

function encryptWith(sessions: readonly graphene.Session[], key: graphene.Key, input: Buffer): Perform {
  const outputs = sessions.map(() => Buffer.alloc(OUTPUT_BYTES));
  const iv = Buffer.alloc(IV_BYTES);
  let counter = 0;
  return (slot) =>
    new Promise<Buffer>((resolve, reject) => {
      iv.writeUIntBE(++counter, IV_BYTES - 6, 6);
      const algorithm = { name: 'AES_GCM', params: new graphene.AesGcm240Params(iv) };
      const cipher = sessions[slot]!.createCipher(algorithm, key);
      cipher.once(input, outputs[slot]!, (error, bytes) => (error ? reject(error) : resolve(bytes)));
    });
}

await serveContender(new GrapheneAsync());
