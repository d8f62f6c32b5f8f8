import { PARAMETER_KIND, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { gcmParameter, MECHANISM } from '../../src/pkcs11/mechanism.ts';
import type { HsmHost, RingRequest } from '../../src/pool/hsm_host.ts';
import type { HsmPool } from '../../src/pool/hsm_pool.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { INPUT_BYTES, type OperationId, RANDOM_BYTES } from '../operations.ts';
import type { AsyncContender, ContenderSetup, Perform } from './contender.ts';
import { openPool } from './open_engine.ts';
import { operationInput } from './pkcs11js_token.ts';
import { type HostKeys, makeHostKeys } from './pool_keys.ts';
import { serveContender } from './serve_contender.ts';

const SLOTS = 128;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ANSWER_BYTES = { 'rsa-2048': 256, 'p-256': 64, 'hmac-sha256': 32 } as const;
const SIGN_MECHANISMS = {
  'rsa-2048': MECHANISM.CKM_RSA_PKCS,
  'p-256': MECHANISM.CKM_ECDSA,
  'hmac-sha256': MECHANISM.CKM_SHA256_HMAC,
} as const;

/** The ring by itself, with a promise around it: what the engine could reach at best. Each request goes to the host with the least to do. */
class Ring implements AsyncContender {
  readonly style = 'async';
  readonly slots = SLOTS;
  #pool!: HsmPool;
  #keys = new Map<HsmHost, HostKeys>();

  async open(setup: ContenderSetup): Promise<void> {
    this.#pool = await openPool(setup);
    for (const host of this.#pool.hosts) {
      this.#keys.set(host, await makeHostKeys(this.#pool, host, setup.visibility === 'private'));
    }
  }

  perform(operation: OperationId): Perform {
    const hosts = [...this.#keys].map(([host, keys]) => ({ host, request: request(operation, keys) }));
    return () =>
      new Promise<void>((resolve, reject) => {
        let chosen = hosts[0]!;
        for (const candidate of hosts) if (candidate.host.inFlight < chosen.host.inFlight) chosen = candidate;
        chosen.host.submit(chosen.request, (completion) => {
          if (completion.outcome === 0 && completion.returnValue === 0) resolve();
          else reject(new Error(`The ring answered ${completion.outcome}, ${completion.returnValue}`));
        });
      });
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }
}

function request(operation: OperationId, keys: HostKeys): RingRequest {
  if (operation === 'random') {
    return ringRequest(RING_OPERATION.random, { capacity: RANDOM_BYTES });
  }
  const input = operationInput(operation);
  const object = keys[operation];
  if (operation === 'aes-256-gcm') {
    return ringRequest(RING_OPERATION.encrypt, {
      mechanism: MECHANISM.CKM_AES_GCM,
      parameterKind: PARAMETER_KIND.gcm,
      parameter: gcmParameter(undefined, undefined, TAG_BYTES),
      object,
      input,
      capacity: IV_BYTES + INPUT_BYTES + TAG_BYTES,
    });
  }
  const mechanism = SIGN_MECHANISMS[operation];
  return ringRequest(RING_OPERATION.sign, { mechanism, object, input, capacity: ANSWER_BYTES[operation] });
}

await serveContender(new Ring());
