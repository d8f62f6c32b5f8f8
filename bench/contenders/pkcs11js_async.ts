import type { OperationId } from '../operations.ts';
import type { AsyncContender, ContenderSetup, Perform } from './contender.ts';
import { GcmMechanism, operationInput, Pkcs11jsToken, signMechanism } from './pkcs11js_token.ts';
import { serveContender } from './serve_contender.ts';

const SESSIONS = 64;
const OUTPUT_BYTES = 512;

/**
 * pkcs11js with its promises: a session per operation in flight, the init call on the JavaScript thread and the operation in a job of
 * Node's thread pool, which is left at its size of four as a program finds it.
 */
class Pkcs11jsAsync implements AsyncContender {
  readonly style = 'async';
  readonly slots = SESSIONS;
  #token!: Pkcs11jsToken;
  #sessions: Buffer[] = [];

  async open(setup: ContenderSetup): Promise<void> {
    this.#token = new Pkcs11jsToken(setup);
    this.#sessions = Array.from({ length: SESSIONS }, () => this.#token.openSession());
  }

  perform(operation: OperationId): Perform {
    if (operation === 'random') throw new Error('pkcs11js has no asynchronous C_GenerateRandom');
    const { cryptoki } = this.#token;
    const sessions = this.#sessions;
    const key = this.#token.key(operation);
    // One input and one output per slot, referenced from here for as long as the loop runs.
    const inputs = sessions.map(() => operationInput(operation));
    const outputs = sessions.map(() => Buffer.alloc(OUTPUT_BYTES));
    if (operation === 'aes-256-gcm') {
      const gcm = new GcmMechanism();
      return (slot) => {
        cryptoki.C_EncryptInit(sessions[slot]!, gcm.next(), key);
        return cryptoki.C_EncryptAsync(sessions[slot]!, inputs[slot]!, outputs[slot]!);
      };
    }
    const mechanism = signMechanism(operation);
    return (slot) => {
      cryptoki.C_SignInit(sessions[slot]!, mechanism, key);
      return cryptoki.C_SignAsync(sessions[slot]!, inputs[slot]!, outputs[slot]!);
    };
  }

  async close(): Promise<void> {
    this.#token.cryptoki.C_Finalize();
  }
}

await serveContender(new Pkcs11jsAsync());
