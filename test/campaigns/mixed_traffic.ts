import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import type { KeyEngine } from '../../src/engine/key_engine.ts';
import type { AlgorithmName } from '../../src/model/algorithm.ts';
import { StrongroomError } from '../../src/model/errors.ts';
import type { PublicKey } from '../../src/model/key.ts';
import type { KeyOperation } from '../../src/model/key_operation.ts';
import { materialOf, nodeEcPair, nodePublicKey, nodeRsaPair } from '../fixtures/key_material.ts';
import { type NodeCipher, type NodeKey, type NodeSignature, nodeAlgorithm } from '../fixtures/node_algorithms.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';

const ALL: readonly KeyOperation[] = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'];
const SIGNING: readonly KeyOperation[] = ['sign', 'verify'];

interface TrafficKey {
  readonly name: string;
  readonly bits: number;
  readonly node: NodeKey;
  readonly operations: readonly KeyOperation[];
  readonly algorithms: readonly AlgorithmName[];
}

/** A key that was acknowledged, with what was acknowledged of it. */
interface LedgerLine {
  readonly name: string;
  /** Of a key that signs; others wrap. */
  readonly publicKey: PublicKey | undefined;
}

/** What came of an operation: `right`, `wrong`, or the code that it was refused with. */
export type Outcome = string;

/** Operations of every kind over one engine, each held against node:crypto, which has the same keys. */
export class MixedTraffic {
  /** What was wrong, in words. */
  readonly wrong: string[] = [];
  readonly outcomes = new Map<Outcome, number>();
  readonly #engine: KeyEngine;
  readonly #keys: readonly TrafficKey[];
  readonly #createShare: number;
  readonly #ledger: LedgerLine[] = [];
  #names = 0;

  private constructor(engine: KeyEngine, keys: readonly TrafficKey[], createShare: number) {
    this.#engine = engine;
    this.#keys = keys;
    this.#createShare = createShare;
  }

  /** Imports its keys. Of all operations `createShare` make a key of their own. */
  static async begin(engine: KeyEngine, createShare: number): Promise<MixedTraffic> {
    const secret = createSecretKey(randomBytes(32));
    const keys: readonly TrafficKey[] = [
      {
        name: 'traffic-rsa',
        bits: 2048,
        node: nodeRsaPair(2048),
        operations: ALL,
        algorithms: ['RS256', 'PS256', 'RSA-OAEP-256'],
      },
      { name: 'traffic-p256', bits: 0, node: nodeEcPair('P-256'), operations: SIGNING, algorithms: ['ES256'] },
      { name: 'traffic-p384', bits: 0, node: nodeEcPair('P-384'), operations: SIGNING, algorithms: ['ES384'] },
      {
        name: 'traffic-oct',
        bits: 256,
        node: { publicKey: secret, privateKey: secret },
        operations: ALL,
        algorithms: ['A256GCM', 'A256CBCPAD', 'A256KW', 'HS256'],
      },
    ];
    for (const { name, node, operations } of keys)
      await engine.importKey({ name, material: materialOf(node.privateKey.export({ format: 'jwk' })), operations });
    return new MixedTraffic(engine, keys, createShare);
  }

  /** How many of all operations were done, and rightly. */
  get success(): number {
    const all = [...this.outcomes.values()].reduce((sum, count) => sum + count, 0);
    return (this.outcomes.get('right') ?? 0) / all;
  }

  get acknowledged(): number {
    return this.#ledger.length;
  }

  /** One operation by chance. An outcome that is no error of the catalogue is thrown. */
  async operate(random: SeededRandom): Promise<Outcome> {
    let outcome: Outcome;
    try {
      const wrong = random.chance(this.#createShare) ? await this.#create(random) : await this.#use(random);
      if (wrong !== undefined) this.wrong.push(wrong);
      outcome = wrong === undefined ? 'right' : 'wrong';
    } catch (error) {
      if (!(error instanceof StrongroomError)) throw error;
      outcome = error.code;
    }
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    return outcome;
  }

  /** Acknowledged keys that are not there any more, or cannot do what they could. */
  async lost(): Promise<string[]> {
    const lost: string[] = [];
    for (const { name, publicKey } of this.#ledger) {
      const reason = await this.#prove(name, publicKey).catch((error: unknown) => String(error));
      if (reason !== undefined) lost.push(`${name}: ${reason}`);
    }
    return lost;
  }

  async #create(random: SeededRandom): Promise<undefined> {
    const name = `made-${this.#names++}`;
    const isEc = random.chance(0.5);
    const made = await this.#engine.createKey({
      name,
      spec: isEc ? { keyType: 'EC-HSM', curve: 'P-256' } : { keyType: 'oct-HSM', size: 256 },
    });
    this.#ledger.push({ name, publicKey: isEc ? made.publicKey : undefined });
    return undefined;
  }

  async #prove(name: string, publicKey: PublicKey | undefined): Promise<string | undefined> {
    if (publicKey === undefined) {
      const value = randomBytes(32);
      const wrapped = await this.#engine.wrapKey({ key: { name }, algorithm: 'A256KW', value });
      const back = await this.#engine.unwrapKey({ key: { name }, algorithm: 'A256KW', value: wrapped.value });
      return value.equals(back.plaintext) ? undefined : 'it unwraps to something else';
    }
    const message = randomBytes(20);
    const digest = createHash('sha256').update(message).digest();
    const { signature } = await this.#engine.sign({ key: { name }, algorithm: 'ES256', digest });
    const node = nodeAlgorithm('ES256', 0) as NodeSignature;
    const publicOnly = nodePublicKey(publicKey);
    return node.verify({ publicKey: publicOnly, privateKey: publicOnly }, message, signature)
      ? undefined
      : 'its signature does not verify under the public key that was acknowledged';
  }

  async #use(random: SeededRandom): Promise<string | undefined> {
    const key = random.pick(this.#keys);
    const algorithm = random.pick(key.algorithms);
    const node = nodeAlgorithm(algorithm, key.bits);
    if (node.kind === 'signature') return this.#sign(key, algorithm, node, random);
    return this.#encipher(key, algorithm, node, random);
  }

  async #sign(
    key: TrafficKey,
    algorithm: AlgorithmName,
    node: NodeSignature,
    random: SeededRandom,
  ): Promise<string | undefined> {
    const message = random.bytes(40);
    const request = { key, algorithm, digest: node.input(message) };
    if (random.chance(0.6)) {
      const { signature } = await this.#engine.sign(request);
      return node.verify(key.node, message, signature) ? undefined : `sign ${algorithm} gave ${hex(signature)}`;
    }
    const signature = node.sign(key.node, message);
    const isSpoilt = random.chance(0.2);
    if (isSpoilt) signature[3] = (signature[3] as number) ^ 4;
    const { valid } = await this.#engine.verify({ ...request, signature });
    return valid === isSpoilt ? `verify ${algorithm} said ${valid}` : undefined;
  }

  async #encipher(
    key: TrafficKey,
    algorithm: AlgorithmName,
    node: NodeCipher,
    random: SeededRandom,
  ): Promise<string | undefined> {
    const plaintext = random.bytes(32);
    const isWrapping = algorithm === 'A256KW';
    if (random.chance(0.5)) {
      const sealed = isWrapping
        ? { ciphertext: (await this.#engine.wrapKey({ key, algorithm, value: plaintext })).value }
        : await this.#engine.encrypt({ key, algorithm, plaintext });
      const back = node.decrypt(key.node, sealed);
      return back !== undefined && hex(back) === hex(plaintext)
        ? undefined
        : `encrypt ${algorithm} of ${hex(plaintext)}`;
    }
    const sealed = node.encrypt(key.node, plaintext, random.bytes(node.ivBytes), new Uint8Array(0));
    const opened = isWrapping
      ? await this.#engine.unwrapKey({ key, algorithm, value: sealed.ciphertext })
      : await this.#engine.decrypt({ key, algorithm, ...sealed });
    return hex(opened.plaintext) === hex(plaintext) ? undefined : `decrypt ${algorithm} gave ${hex(opened.plaintext)}`;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
