import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyMaterial } from '../../src/model/key.ts';
import { HOST_STATE, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { importTemplate } from '../../src/pkcs11/key_template.ts';
import { startProvisioning } from '../../src/pkcs11/provisioning.ts';
import { writeSoftHsmConfiguration } from '../../src/pkcs11/softhsm_configuration.ts';
import { encodeTemplate, KEY_TYPE, OBJECT_CLASS } from '../../src/pkcs11/template.ts';
import type { Completion, HostToken, HsmHost, RingRequest } from '../../src/pool/hsm_host.ts';
import { ProcessHost } from '../../src/pool/process_host.ts';
import type { RingHost } from '../../src/pool/ring_host.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { ThreadHost } from '../../src/pool/thread_host.ts';
import { decodeHandles } from '../../src/pool/token_answers.ts';

const MODULE = '/usr/lib/softhsm/libsofthsm2.so';
const USER_PIN = 'user-pin-of-tests';
const START_TIMEOUT_MS = 10_000;
const STOP_GRACE_MS = 5_000;

/** A SoftHSM token in a directory of its own, and hosts on it without a pool around them. */
export class TrafficToken {
  readonly directory: string;
  readonly serial: string;
  readonly #hosts: RingHost[] = [];
  #starting: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, serial: string) {
    this.directory = directory;
    this.serial = serial;
  }

  static async make(): Promise<TrafficToken> {
    const directory = await mkdtemp(join(tmpdir(), 'strongroom-ring-'));
    const configuration = join(directory, 'softhsm2.conf');
    await writeSoftHsmConfiguration({ path: configuration, tokenDirectory: join(directory, 'tokens') });
    // For lanes that are threads of this process; hosts inherit it.
    process.env.SOFTHSM2_CONF = configuration;
    const { serial } = await startProvisioning({
      module: MODULE,
      environment: { SOFTHSM2_CONF: configuration },
      label: 'traffic of tests',
      soPin: Buffer.from('so-pin-of-tests'),
      userPin: Buffer.from(USER_PIN),
    });
    return new TrafficToken(directory, serial);
  }

  startProcess(lanes: number): Promise<ProcessHost> {
    return this.#start(() => new ProcessHost({ ...this.#options(lanes), environment: {}, pin: Buffer.from(USER_PIN) }));
  }

  startThreads(lanes: number): Promise<ThreadHost> {
    return this.#start(
      () => new ThreadHost({ ...this.#options(lanes), privateCopy: true, pin: Buffer.from(USER_PIN) }),
    );
  }

  async remove(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.stop(STOP_GRACE_MS, 'the test is over')));
    await rm(this.directory, { recursive: true, force: true });
  }

  #options(lanes: number) {
    return {
      id: `host-${this.#hosts.length}`,
      module: MODULE,
      token: { serial: this.serial } as HostToken,
      lanes: { first: lanes, most: lanes },
      forceLogin: false,
    };
  }

  /** One after the other: SoftHSM does not bear two that log in to one token at once. */
  #start<Host extends RingHost>(create: () => Host): Promise<Host> {
    const started = this.#starting.then(async () => {
      const host = create();
      this.#hosts.push(host);
      const status = await host.started(START_TIMEOUT_MS);
      if (status.state !== HOST_STATE.ready) throw new Error(`The host did not start: ${JSON.stringify(status)}`);
      return host;
    });
    this.#starting = started.catch(() => undefined);
    return started;
  }
}

export function call(host: HsmHost, request: RingRequest): Promise<Completion> {
  return new Promise((resolve) => host.submit(request, resolve));
}

async function create(host: HsmHost, template: Uint8Array): Promise<number> {
  const completion = await call(host, ringRequest(RING_OPERATION.create, { template, capacity: 8 }));
  const [handle] = decodeHandles(completion.answer);
  if (completion.returnValue !== 0 || handle === undefined) throw new Error(`No object: ${completion.returnValue}`);
  return handle;
}

/** A secret for HMAC, known on both sides. */
export class KnownSecret {
  readonly value = randomBytes(32);

  bring(host: HsmHost): Promise<number> {
    const template = encodeTemplate({
      CKA_CLASS: OBJECT_CLASS.CKO_SECRET_KEY,
      CKA_KEY_TYPE: KEY_TYPE.CKK_GENERIC_SECRET,
      CKA_TOKEN: false,
      CKA_PRIVATE: true,
      CKA_SIGN: true,
      CKA_VALUE: this.value,
    });
    return create(host, template);
  }
}

/** An AES key that the token alone uses. */
export function bringAesKey(host: HsmHost): Promise<number> {
  const material: KeyMaterial = { keyType: 'oct-HSM', value: randomBytes(32) };
  return create(host, importTemplate(material, { kind: 'session', private: true }, 'locked'));
}

/** A P-256 key whose public half is here. */
export class KnownEcKey {
  readonly publicKey: KeyObject;
  readonly #material: KeyMaterial;

  constructor() {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.publicKey = publicKey;
    const {
      x = '',
      y = '',
      d = '',
    } = privateKey.export({
      format: 'jwk',
    });
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'));
    this.#material = { keyType: 'EC-HSM', curve: 'P-256', x: bytes(x), y: bytes(y), privateValue: bytes(d) };
  }

  bring(host: HsmHost): Promise<number> {
    return create(host, importTemplate(this.#material, { kind: 'session', private: true }, 'locked'));
  }
}
