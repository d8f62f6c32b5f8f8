import { type OperationId, RANDOM_BYTES } from '../operations.ts';
import type { ContenderSetup, PerformSync, SyncContender } from './contender.ts';
import { GcmMechanism, operationInput, Pkcs11jsToken, signMechanism } from './pkcs11js_token.ts';
import { serveContender } from './serve_contender.ts';

const OUTPUT_BYTES = 512;

/** pkcs11js with its blocking calls: one session, and an event loop that serves nobody meanwhile. */
class Pkcs11jsSync implements SyncContender {
  readonly style = 'sync';
  #token!: Pkcs11jsToken;
  #session!: Buffer;

  async open(setup: ContenderSetup): Promise<void> {
    this.#token = new Pkcs11jsToken(setup);
    this.#session = this.#token.openSession();
  }

  perform(operation: OperationId): PerformSync {
    const { cryptoki } = this.#token;
    const session = this.#session;
    const output = Buffer.alloc(OUTPUT_BYTES);
    if (operation === 'random') {
      const bytes = Buffer.alloc(RANDOM_BYTES);
      return () => cryptoki.C_GenerateRandom(session, bytes);
    }
    const key = this.#token.key(operation);
    const input = operationInput(operation);
    if (operation === 'aes-256-gcm') {
      const gcm = new GcmMechanism();
      return () => {
        cryptoki.C_EncryptInit(session, gcm.next(), key);
        cryptoki.C_Encrypt(session, input, output);
      };
    }
    const mechanism = signMechanism(operation);
    return () => {
      cryptoki.C_SignInit(session, mechanism, key);
      cryptoki.C_Sign(session, input, output);
    };
  }

  async close(): Promise<void> {
    this.#token.cryptoki.C_Finalize();
  }
}

await serveContender(new Pkcs11jsSync());
