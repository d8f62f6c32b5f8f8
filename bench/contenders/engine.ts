import type { KeyReference } from '../../src/engine/requests.ts';
import type { KeySpec } from '../../src/model/key.ts';
import type { KeyOperation } from '../../src/model/key_operation.ts';
import type { LaneReport } from '../../src/pool/lane_tuner.ts';
import { DIGEST_BYTES, INPUT_BYTES, type OperationId, RANDOM_BYTES } from '../operations.ts';
import type { AsyncContender, ContenderSetup, Perform } from './contender.ts';
import { type OpenEngine, openEngine } from './open_engine.ts';
import type { KeyedOperation } from './pkcs11js_token.ts';
import { serveContender } from './serve_contender.ts';

const SLOTS = 1_024;

const KEYS: Readonly<
  Record<KeyedOperation, { readonly spec: KeySpec; readonly operations?: readonly KeyOperation[] }>
> = {
  'rsa-2048': { spec: { keyType: 'RSA-HSM', size: 2048, publicExponent: 65537 } },
  'p-256': { spec: { keyType: 'EC-HSM', curve: 'P-256' } },
  'aes-256-gcm': { spec: { keyType: 'oct-HSM', size: 256 } },
  'hmac-sha256': { spec: { keyType: 'oct-HSM', size: 256 }, operations: ['sign', 'verify'] },
};

/** The key engine as an embedder uses it: wrapped custody, a SQLite store, every operation through the public method and its promise. */
class Engine implements AsyncContender {
  readonly style = 'async';
  readonly slots = SLOTS;
  #open!: OpenEngine;
  readonly #keys = new Map<OperationId, KeyReference>();

  async open(setup: ContenderSetup): Promise<void> {
    this.#open = await openEngine(setup);
    for (const [operation, { spec, operations }] of Object.entries(KEYS)) {
      const { name, version } = await this.#open.engine.createKey({ name: `bench-${operation}`, spec, operations });
      this.#keys.set(operation as OperationId, { name, version });
    }
  }

  perform(operation: OperationId): Perform {
    const { engine } = this.#open;
    if (operation === 'random') return () => engine.randomBytes(RANDOM_BYTES);
    const key = this.#keys.get(operation)!;
    if (operation === 'aes-256-gcm') {
      const plaintext = new Uint8Array(INPUT_BYTES).fill(1);
      return () => engine.encrypt({ key, algorithm: 'A256GCM', plaintext });
    }
    const algorithm = ({ 'rsa-2048': 'RS256', 'p-256': 'ES256', 'hmac-sha256': 'HS256' } as const)[operation];
    const digest = new Uint8Array(operation === 'hmac-sha256' ? INPUT_BYTES : DIGEST_BYTES).fill(1);
    return () => engine.sign({ key, algorithm, digest });
  }

  lanes(): LaneReport {
    const [token] = this.#open.pool.status().tokens;
    if (token?.lanes === undefined) throw new Error('The token is not open.');
    return token.lanes;
  }

  async close(): Promise<void> {
    await this.#open.close();
  }
}

await serveContender(new Engine());
