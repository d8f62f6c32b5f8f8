import { ALGORITHMS, type Algorithm, type AlgorithmName, type Realisation } from '../model/algorithm.ts';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import type { SigningKeyName } from '../pkcs11/pool_key_template.ts';
import type { DomainItem } from '../security_domain/domain_cipher.ts';
import { type Doorbell, sharedDoorbell } from './doorbell.ts';
import { HostGroup } from './host_group.ts';
import { HostStarter } from './host_starter.ts';
import type { Completion, HsmHost } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';
import { PinGuard } from './pin_guard.ts';
import { type PinOptions, PinSource } from './pin_source.ts';
import { PinnedHost } from './pinned_host.ts';
import { type CallOptions, PoolCall, type RequestFor } from './pool_call.ts';
import { type CeremonyToken, takeOutPoolKeys } from './pool_key_ceremony.ts';
import {
  lookAtToken,
  readSigningPublicKey,
  type SigningPublicKey,
  sealRequest,
  sealVerification,
  signatureRequest,
} from './pool_keys.ts';
import { type PoolStatus, poolStatus, type TokenDescription } from './pool_status.ts';
import { createPoolKeys, findToken, type TokenChoice } from './pool_token.ts';
import { realisationOf } from './realisation.ts';
import type { RestartLimitOptions } from './restart_limit.ts';
import { ringRequest } from './ring_request.ts';
import { SelfTest } from './self_test.ts';
import { SerialTasks } from './serial_tasks.ts';
import { SignatureCheck, type SignatureCheckPolicy } from './signature_check.ts';
import { type TaskHosts, TaskRun } from './task_run.ts';
import { decodeMechanisms, type MechanismSupport } from './token_answers.ts';
import { type TokenProfile, type TokenProfileOptions, tokenProfile } from './token_profile.ts';
import type { WatchdogOptions } from './watchdog.ts';

export interface HsmPoolOptions extends TokenProfileOptions, RestartLimitOptions, WatchdogOptions {
  /** Path of the PKCS#11 module. */
  readonly module: string;
  readonly token: TokenChoice;
  readonly pin: PinOptions;
  /** Where the pool remembers which PINs were refused. Made when it is not there. */
  readonly stateDirectory: string;
  /** `process` unless named: the vendor library in processes of its own. */
  readonly isolation?: 'process' | 'thread' | undefined;
  /** Which ECDSA signatures are verified before they are let out, `sampled` unless named. RSA signatures always are. */
  readonly signatureChecks?: SignatureCheckPolicy | undefined;
  /** Variables for the vendor library, SOFTHSM2_CONF for one. With `isolation: 'thread'` they are set in this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** `require` unless named: a token without pool keys is refused. `create` makes those that are missing. */
  readonly poolKeys?: 'require' | 'create' | undefined;
  /** Where a SoftHSM keeps its tokens, so that new pool keys can be brought to disk. */
  readonly softHsmTokenDirectory?: string | undefined;
  /** Send the PIN even where one more wrong one locks the token. */
  readonly forceLogin?: boolean | undefined;
  readonly startTimeoutMs?: number | undefined;
}

const START_TIMEOUT_MS = 10_000;
const STOP_GRACE_MS = 2_000;
const MECHANISM_LIST_BYTES = 32 * 1024;

/**
 * The HSM pool: hosts of one token, kept alive, with the work shared out among them. Tasks go in by `run`; what is asked for seldom goes
 * in by `call`. While a token has failed a self-test everything but `status` answers SelfTestFailed.
 */
export class HsmPool {
  readonly profile: TokenProfile;
  readonly token: TokenDescription;
  readonly selfTest: SelfTest;
  readonly signatureCheck: SignatureCheck;
  readonly #group: HostGroup;
  readonly #pin: PinSource;
  readonly #ceremonyToken: CeremonyToken;
  readonly #doorbell: Doorbell = sharedDoorbell();
  readonly #roomListeners: (() => void)[] = [];
  readonly #serial: SerialTasks | undefined;
  readonly #signingKeys = new Map<SigningKeyName, SigningPublicKey>();
  readonly #realisations = new Map<AlgorithmName, Realisation>();
  #mechanisms: ReadonlyMap<number, MechanismSupport> = new Map();
  #closed = false;

  private constructor(
    starter: HostStarter,
    ceremonyToken: CeremonyToken,
    token: TokenDescription,
    options: HsmPoolOptions,
  ) {
    const { profile } = starter;
    const { label, serial, manufacturer, model } = token;
    this.profile = profile;
    this.token = { label, serial, manufacturer, model };
    this.signatureCheck = new SignatureCheck(options.signatureChecks);
    this.#pin = ceremonyToken.pin;
    this.#ceremonyToken = ceremonyToken;
    this.#group = new HostGroup({
      ...options,
      hosts: profile.hosts,
      lanes: profile.lanes,
      start: (lanes) => starter.start(lanes),
    });
    this.#serial = profile.serialisedCreation
      ? new SerialTasks((host) => this.call(lookAtToken(), { host }))
      : undefined;
    this.selfTest = new SelfTest({
      ask: (host, request, input) => this.call(request, { host, input }),
      realisation: (algorithm) => this.#realisations.get(algorithm.name),
      onFailure: (reason) => this.#group.declareUnfit(reason),
    });
    this.#group.onGone((host) => this.selfTest.forget(host));
    this.#group.onJoined(this.#tellRoom);
    this.#doorbell.onDelivered(this.#tellRoom);
  }

  /**
   * Opens a token: finds it, logs in, looks up the pool keys, and starts all hosts, one after the other.
   * ServiceUnavailable with an inner code: TokenNotFound, TokenAmbiguous, ProvisioningFailed, or one of HostStarter.start.
   */
  static async open(options: HsmPoolOptions): Promise<HsmPool> {
    const { module, isolation = 'process', environment = {}, softHsmTokenDirectory } = options;
    if (isolation === 'thread') Object.assign(process.env, environment);
    const pin = new PinSource(options.pin);
    try {
      const guard = await PinGuard.open(options.stateDirectory);
      const token = await findToken({ module, environment }, options.token);
      const starter = new HostStarter({
        module,
        tokenSerial: token.serial,
        profile: tokenProfile(options, token),
        isolation,
        environment,
        forceLogin: options.forceLogin ?? false,
        startTimeoutMs: options.startTimeoutMs ?? START_TIMEOUT_MS,
        pin,
        guard,
      });
      const { label, serial } = token;
      const ceremonyToken = { module, environment, label, serial, pin, guard, softHsmTokenDirectory };
      const begin = (): Promise<HsmPool> => new HsmPool(starter, ceremonyToken, token, options).#begin();
      return await begin().catch(async (error: unknown) => {
        if (options.poolKeys !== 'create' || !lacksPoolKeys(error)) throw error;
        await createPoolKeys({ module, environment, token, pin, guard, softHsmTokenDirectory });
        return begin();
      });
    } catch (error) {
      pin.close();
      throw error;
    }
  }

  async #begin(): Promise<HsmPool> {
    try {
      await this.#group.open();
      await this.#learnMechanisms();
      return this;
    } catch (error) {
      await this.#shutDown(0);
      throw error;
    }
  }

  /** By CKM_*. */
  get mechanisms(): ReadonlyMap<number, MechanismSupport> {
    return this.#mechanisms;
  }

  get hosts(): readonly HsmHost[] {
    return this.#group.hosts;
  }

  /** Tasks that the hosts take at once, as many as are alive. */
  get capacity(): number {
    return this.#group.capacity;
  }

  /** How many more they take now. `run` takes more than this; they wait in front of the lanes then, where nobody shares them out. */
  get room(): number {
    return this.#group.room;
  }

  /** How the token does an algorithm; undefined when it cannot. */
  realisation(algorithm: AlgorithmName): Realisation | undefined {
    return this.#realisations.get(algorithm);
  }

  /**
   * Does the task, now or when there is a host; a mutating one after those before it, where the profile says so. It may come to its end
   * before this returns.
   */
  run(task: HsmTask): void {
    if (this.#closed) task.fail(new StrongroomError('ServiceUnavailable', 'The HSM pool is closed.'));
    else this.#start(task, this.#group, task.effect === 'mutating');
  }

  /**
   * One request as a promise. It answers with CKR_OK, or with a return value that speaks of the input, the key's policy or an invalid
   * signature; everything else it throws as a StrongroomError. With a host named it is a step of some task, and goes on while a closing
   * pool finishes what it has.
   */
  call(request: RequestFor, options: CallOptions = {}): Promise<Completion> {
    const { host, changesToken = false } = options;
    const call = new PoolCall(request, options, LIMITS.operationTimeoutMs);
    if (host === undefined) this.run(call);
    else this.#start(call, new PinnedHost(this.#group, host), changesToken);
    return call.answered;
  }

  /** HMAC-SHA256 under the seal key: what proves that a row of the store is ours. */
  async seal(bytes: Uint8Array): Promise<Uint8Array> {
    const completion = await this.call((host) => this.#tested('HS256', host, () => sealRequest(host, bytes)));
    return completion.answer;
  }

  async verifySeal(bytes: Uint8Array, seal: Uint8Array): Promise<boolean> {
    const completion = await this.call((host) =>
      this.#tested('HS256', host, () => sealVerification(host, bytes, seal)),
    );
    return completion.returnValue === 0;
  }

  /** ECDSA P-256 over a SHA-256 digest by the audit key, as r ‖ s. */
  signAuditHead(digest: Uint8Array): Promise<Uint8Array> {
    return this.#signWith('audit', digest);
  }

  /** Verifies what `signAuditHead` gives. */
  auditPublicKey(): Promise<SigningPublicKey> {
    return this.#publicKeyOf('audit');
  }

  /** ECDSA P-256 over a SHA-256 digest by the attestation key, as r ‖ s: under what the pool says to others of its keys. */
  signAttestation(digest: Uint8Array): Promise<Uint8Array> {
    return this.#signWith('attestation', digest);
  }

  /** Verifies what `signAttestation` gives. */
  attestationPublicKey(): Promise<SigningPublicKey> {
    return this.#publicKeyOf('attestation');
  }

  /** The pool keys for a security domain, wrapped, until they are locked in the token. @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`) */
  takeOutPoolKeys(): Promise<DomainItem[]> {
    return takeOutPoolKeys(this.#ceremonyToken);
  }

  /** Calls `listener` when hosts have room again: once after each turn in which something was answered, and when a host joins. */
  onRoom(listener: () => void): void {
    this.#roomListeners.push(listener);
  }

  /** Calls `listener` when a host has come to its end: every handle in it is void. */
  onHostGone(listener: (host: HsmHost) => void): void {
    this.#group.onGone(listener);
  }

  status(): PoolStatus {
    return poolStatus(this.#group, this.profile.hosts, this.#closed, this.token, this.profile.name);
  }

  /** The operator has acted (on a PIN, a device, a failed self-test): everything is tried anew, at once. */
  resume(): void {
    this.#group.resume();
  }

  /** Takes no more work, lets the hosts finish what they have for at most `drainMs`, and ends them. */
  async close(options: { readonly drainMs?: number } = {}): Promise<void> {
    await this.#shutDown(options.drainMs ?? LIMITS.drainTimeoutMs);
    this.#pin.close();
  }

  async #shutDown(drainMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#group.close(drainMs, STOP_GRACE_MS);
    this.#doorbell.offDelivered(this.#tellRoom);
  }

  #start(task: HsmTask, hosts: TaskHosts, changesToken: boolean): void {
    if (!changesToken || this.#serial === undefined) new TaskRun(task, hosts).start();
    else this.#serial.add(task, (serial) => new TaskRun(serial, hosts).start());
  }

  async #signWith(name: SigningKeyName, digest: Uint8Array): Promise<Uint8Array> {
    const request = (host: HsmHost) => this.#tested('ES256', host, () => signatureRequest(host, name, digest));
    const completion = await this.call(request, {
      check: ({ answer }, host) => this.#isSignature(name, digest, answer, host),
    });
    return completion.answer;
  }

  /** What the pool itself signs is for good, and seldom: it is verified every time. */
  async #isSignature(name: SigningKeyName, digest: Uint8Array, signature: Uint8Array, host: HsmHost): Promise<boolean> {
    const publicKey = this.#signingKeys.get(name) ?? (await this.#publicKeyOf(name, host));
    this.#signingKeys.set(name, publicKey);
    return this.signatureCheck.isRight(publicKey, { padding: '', hash: '' }, digest, signature);
  }

  async #publicKeyOf(
    name: SigningKeyName,
    host: HsmHost | undefined = this.#group.hosts[0],
  ): Promise<SigningPublicKey> {
    if (host === undefined) throw new StrongroomError('ServiceUnavailable', 'The HSM is not available now.');
    return readSigningPublicKey(async (request) => (await this.call(request, { host })).answer, name);
  }

  readonly #tellRoom = (): void => {
    if (this.#roomListeners.length === 0 || this.#group.room === 0) return;
    for (const listener of this.#roomListeners) listener();
  };

  async #learnMechanisms(): Promise<void> {
    const { answer } = await this.call(ringRequest(RING_OPERATION.mechanisms, { capacity: MECHANISM_LIST_BYTES }));
    this.#mechanisms = decodeMechanisms(answer);
    for (const algorithm of ALGORITHMS.values()) this.#learnRealisation(algorithm);
  }

  #learnRealisation(algorithm: Algorithm): void {
    const realisation = realisationOf(algorithm, this.#mechanisms, this.profile);
    if (realisation !== undefined) this.#realisations.set(algorithm.name, realisation);
  }

  #tested<Request>(algorithm: AlgorithmName, host: HsmHost, request: () => Request): Request | Promise<Request> {
    const tested = this.selfTest.ensure(algorithm, host);
    return tested === true ? request() : tested.then(request);
  }
}

function lacksPoolKeys(error: unknown): boolean {
  return error instanceof StrongroomError && error.innerCode === 'PoolKeysMissing';
}
