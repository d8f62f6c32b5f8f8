import type { AlgorithmName, Realisation } from '../model/algorithm.ts';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { DomainItem } from '../security_domain/domain_cipher.ts';
import { type Doorbell, sharedDoorbell } from './doorbell.ts';
import type { Completion, HostToken, HsmHost } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';
import type { OpenToken } from './open_token.ts';
import { PinGuard } from './pin_guard.ts';
import { PinnedHost } from './pinned_host.ts';
import { PinnedToken } from './pinned_token.ts';
import { areDoneByOthers, isKeyWrap, PoolAlgorithms } from './pool_algorithms.ts';
import { type CallOptions, PoolCall, type RequestFor } from './pool_call.ts';
import { takeOutOfOneOf } from './pool_ceremony.ts';
import { type PoolFingerprint, probe } from './pool_fingerprint.ts';
import type { SigningPublicKey } from './pool_keys.ts';
import { openMembers, requirePoolKeys } from './pool_opening.ts';
import {
  type HsmPoolOfTokensOptions,
  type HsmPoolOptions,
  nameOf,
  type TokenOptions,
  tokensOf,
} from './pool_options.ts';
import { PoolSigner } from './pool_signer.ts';
import { type PoolStatus, poolStatus } from './pool_status.ts';
import type { RingHost } from './ring_host.ts';
import { SelfTest } from './self_test.ts';
import { SignatureCheck } from './signature_check.ts';
import { type Suspicion, type TaskHosts, TaskRun } from './task_run.ts';
import { type MemberSurroundings, TokenMember } from './token_member.ts';
import { TokenSet } from './token_set.ts';

const PROBE_TIMEOUT_MS = 2_000;

/**
 * The HSM pool: hosts of 1 to 16 tokens that have the same pool keys, kept alive, with the work shared out among them. Tasks go in by `run`;
 * what is asked for seldom goes in by `call`. A token that has failed a self-test gets no work; while all have, everything but `status`
 * answers SelfTestFailed.
 */
export class HsmPool {
  readonly selfTest: SelfTest;
  readonly signatureCheck: SignatureCheck;
  readonly #tokens = new TokenSet();
  readonly #algorithms = new PoolAlgorithms();
  readonly #surroundings: MemberSurroundings;
  readonly #callTimeoutMs: number;
  readonly #doorbell: Doorbell = sharedDoorbell();
  readonly #roomListeners: (() => void)[] = [];
  readonly #tokenListeners: (() => void)[] = [];
  #open: readonly OpenToken[] = [];
  readonly #signer: PoolSigner;
  #poolKeys: PoolFingerprint | undefined;
  #hostsNamed = 0;
  #closed = false;

  private constructor(options: HsmPoolOptions | HsmPoolOfTokensOptions, guard: PinGuard) {
    this.signatureCheck = new SignatureCheck(options.signatureChecks);
    this.#callTimeoutMs = options.callTimeoutMs ?? LIMITS.operationTimeoutMs;
    this.#surroundings = {
      options,
      guard,
      newHostId: () => `host-${++this.#hostsNamed}`,
      leave: (token, reason) => this.#tokens.leave(token, reason),
      lacks: (token, suspicion) => this.#lacks(token, suspicion),
      abilitiesChanged: () => this.#learn(),
      admit: async (token) => {
        if (this.#poolKeys !== undefined) await requirePoolKeys(token, this.#poolKeys);
      },
      probe: async (token) => {
        if (this.#poolKeys !== undefined) await probe(token, this.#poolKeys, PROBE_TIMEOUT_MS);
      },
    };
    this.selfTest = new SelfTest({
      ask: (host, request, input) => this.call(request, { host, input }),
      realisation: (algorithm, host) => this.#algorithms.realisationOn(algorithm, host.token),
      onFailure: (reason, host) => (host.token as OpenToken).group.declareUnfit(reason),
    });
    const { selfTest, signatureCheck } = this;
    this.#signer = new PoolSigner({
      call: (request, how) => this.call(request, how),
      anyHost: () => this.#tokens.hosts[0],
      selfTest,
      signatureCheck,
      onDisagreement: (host, other) => this.disagree(host, other),
    });
    this.#tokens.onGone((host) => this.selfTest.forget(host));
    this.#tokens.onJoined(() => this.#joined());
    this.#tokens.onChanged(this.#tellRoom);
    this.#doorbell.onDelivered(this.#tellRoom);
  }

  /**
   * Opens the tokens, with all of their hosts. Those that are away, or do not belong to the pool, are left out, and the former tried again.
   * ServiceUnavailable when not one opens, with an inner code: TokenNotFound, TokenAmbiguous, ProvisioningFailed, or one of HostStarter.start.
   */
  static async open(options: HsmPoolOptions | HsmPoolOfTokensOptions): Promise<HsmPool> {
    const tokens = tokensOf(options);
    const guard = await PinGuard.open(options.stateDirectory);
    const pool = new HsmPool(options, guard);
    try {
      for (const token of tokens) pool.#tokens.add(new TokenMember(token, pool.#surroundings));
      const { poolKeys, sealed } = options;
      pool.#poolKeys = await openMembers(pool.#tokens.members, { poolKeys, guard, sealed });
      return pool;
    } catch (error) {
      await pool.close({ drainMs: 0 });
      throw error;
    }
  }

  get hosts(): readonly HsmHost[] {
    return this.#tokens.hosts;
  }

  /** The tokens that are open, whether they serve or not. */
  get tokens(): readonly OpenToken[] {
    return this.#tokens.members.flatMap(({ token }) => token ?? []);
  }

  /** Tasks that the hosts take at once, as many as are alive. */
  get capacity(): number {
    return this.#tokens.capacity;
  }

  /** How many more they take now. `run` takes more than this; they wait in front of the lanes then, where nobody shares them out. */
  get room(): number {
    return this.#tokens.room;
  }

  /** How the pool does an algorithm; undefined when no token can. */
  realisation(algorithm: AlgorithmName): Realisation | undefined {
    return this.#algorithms.realisation(algorithm);
  }

  /** It is made of more than one token, whether they are there or not. */
  get hasSeveralTokens(): boolean {
    return this.#tokens.members.length > 1;
  }

  /** All of its tokens are there and serve. */
  get isComplete(): boolean {
    return this.#tokens.members.every(({ state }) => state === 'healthy');
  }

  /** Those that work goes to now, in the order in which they were given. */
  get servingTokens(): readonly HostToken[] {
    return this.#tokens.members.flatMap(({ state, token }) =>
      state === 'healthy' && token !== undefined ? [token] : [],
    );
  }

  /** What it is called by what it signs. */
  get label(): string {
    const { label } = this.#surroundings.options;
    if (label !== undefined) return label;
    const [first] = this.#tokens.members;
    if (first === undefined) throw new TypeError('The pool has no token.');
    const { token } = first.options;
    return first.token?.description.label ?? ('label' in token ? token.label : first.name);
  }

  /** The first token that serves, for an object that is to be in one token: one that can be written to, where there is one. @throws StrongroomError `ServiceUnavailable` */
  get firstToken(): HostToken {
    const alive = this.#tokens.hosts.filter((host) => host.alive);
    const host = alive.find(({ token }) => (token as OpenToken).abilities.takesObjects) ?? alive[0];
    if (host === undefined) throw new StrongroomError('ServiceUnavailable', 'The HSM is not available now.');
    return host.token;
  }

  /** There is a host of another token. */
  offersOther(token: HostToken): boolean {
    return this.#tokens.offersOther({ token }, {});
  }

  /**
   * Does the task, now or when there is a host; a mutating one after those before it, where the profile of its token says so. It may come
   * to its end before this returns. A pure one may look again at what the host `avoided` gave, and is done elsewhere where there is something
   * else; it goes on while a closing pool finishes what it has.
   */
  run(task: HsmTask, avoided?: HsmHost): void {
    if (this.#closed && avoided !== undefined) start(task, pinnedTo(avoided), undefined);
    else if (this.#closed) task.fail(new StrongroomError('ServiceUnavailable', 'The HSM pool is closed.'));
    else if (task.effect === 'pure') new TaskRun(task, this.#tokens, avoided as RingHost | undefined).start();
    else this.#change(task);
  }

  /**
   * One request as a promise. It answers with CKR_OK, or with a return value that speaks of the input, the key's policy or an invalid
   * signature; everything else it throws as a StrongroomError. With a host named it is a step of some task, and goes on while a closing
   * pool finishes what it has.
   */
  call(request: RequestFor, options: CallOptions = {}): Promise<Completion> {
    const { host, token, avoided, changesToken = false } = options;
    const call = new PoolCall(request, options, this.#callTimeoutMs);
    if (host !== undefined) {
      start(call, pinnedTo(host), changesToken ? (host.token as OpenToken) : undefined);
    } else if (token !== undefined && !this.#closed) {
      const its = token as OpenToken;
      start(call, new PinnedToken(this.#tokens, its), call.effect === 'mutating' ? its : undefined);
    } else this.run(call, avoided);
    return call.answered;
  }

  /** HMAC-SHA256 under the seal key: what proves that a row of the store is ours. */
  seal(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#signer.seal(bytes);
  }

  verifySeal(bytes: Uint8Array, seal: Uint8Array): Promise<boolean> {
    return this.#signer.verifySeal(bytes, seal);
  }

  /** ECDSA P-256 over a SHA-256 digest by the audit key, as r ‖ s. */
  signAuditHead(digest: Uint8Array): Promise<Uint8Array> {
    return this.#signer.sign('audit', digest);
  }

  /** Verifies what `signAuditHead` gives. */
  auditPublicKey(): Promise<SigningPublicKey> {
    return this.#signer.publicKey('audit');
  }

  /** ECDSA P-256 over a SHA-256 digest by the attestation key, as r ‖ s: under what the pool says to others of its keys. */
  signAttestation(digest: Uint8Array): Promise<Uint8Array> {
    return this.#signer.sign('attestation', digest);
  }

  /** Verifies what `signAttestation` gives. */
  attestationPublicKey(): Promise<SigningPublicKey> {
    return this.#signer.publicKey('attestation');
  }

  /**
   * What `host` gave was not right as `other` sees it, and nobody knows which of them is wrong. The pool replaces the one whose answer was refused;
   * the other goes as well, unless it is the same, or the first is gone because somebody else found it wrong meanwhile.
   */
  disagree(host: HsmHost, other: HsmHost | undefined): void {
    if (host.alive && other !== undefined && other !== host) this.#tokens.lied(other as RingHost);
  }

  /** The pool keys for a security domain, wrapped, until they are locked in every token. @throws StrongroomError `ServiceUnavailable` (`ProvisioningFailed`) */
  takeOutPoolKeys(): Promise<DomainItem[]> {
    return takeOutOfOneOf(this.tokens.map(({ ceremonyToken }) => ceremonyToken));
  }

  /**
   * Calls `listener` when hosts have room again: once after each turn in which something was answered, and when a host joins. Also when the
   * last host is gone: whoever waits for room would wait for good, and `run` knows whether another comes.
   */
  onRoom(listener: () => void): void {
    this.#roomListeners.push(listener);
  }

  /** Calls `listener` when a host has come to its end: every handle in it is void. */
  onHostGone(listener: (host: HsmHost) => void): void {
    this.#tokens.onGone(listener);
  }

  /** Calls `listener` when other tokens are open than before: algorithms may be done in another way, and keys be elsewhere. */
  onTokensChanged(listener: () => void): void {
    this.#tokenListeners.push(listener);
  }

  status(): PoolStatus {
    return poolStatus(this.#tokens, this.#closed);
  }

  /** The operator has acted (on a PIN, a device, a failed self-test): everything is tried anew, at once. */
  resume(): void {
    for (const member of this.#tokens.members) if (member.state !== 'draining') member.resume();
  }

  /**
   * Takes a token out of service: it gets nothing new from now on, and this resolves when what it was at is finished, at most after `drainMs`.
   * @throws StrongroomError `NotFound`, `Conflict` (`LastToken`)
   */
  async drain(name: string, drainMs: number = LIMITS.drainTimeoutMs): Promise<void> {
    const member = this.#tokens.named(name);
    if (member.state !== 'draining') this.#tokens.requireOther(member);
    await member.drain(drainMs);
  }

  /** Back into service; what kept it from serving is tried anew, at once. @throws StrongroomError `NotFound` */
  resumeToken(name: string): void {
    this.#tokens.named(name).resume();
  }

  /** What `remove` refuses. @throws StrongroomError `NotFound`, `Conflict` (`LastToken`, `TokenInService`) */
  requireRemovable(name: string): void {
    const member = this.#tokens.named(name);
    this.#tokens.requireOther(member);
    if (member.state !== 'healthy') return;
    const message = `The token ${name} is in service: drain it first.`;
    throw new StrongroomError('Conflict', message, { innerCode: 'TokenInService' });
  }

  /**
   * For good, as far as this pool is concerned: a token that is out of service, or does not serve.
   * @throws StrongroomError `NotFound`, `Conflict` (`LastToken`, `TokenInService`)
   */
  async remove(name: string, drainMs: number = LIMITS.drainTimeoutMs): Promise<void> {
    this.requireRemovable(name);
    const member = this.#tokens.named(name);
    await member.drain(drainMs);
    await member.close(drainMs);
    this.#tokens.remove(member);
    this.#joined();
  }

  /** Takes in a token that it has not, or resumes the one of that name. Resolves when that has been tried: the state tells how it went. */
  async add(token: TokenOptions): Promise<void> {
    const known = this.#tokens.members.find(({ name }) => name === nameOf(token));
    const member = known ?? this.#tokens.add(new TokenMember(token, this.#surroundings));
    known?.resume();
    await member.open().catch(() => undefined);
  }

  /** Takes no more work, lets the hosts finish what they have for at most `drainMs`, and ends them. */
  async close(options: { readonly drainMs?: number } = {}): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#tokens.close();
    const drainMs = options.drainMs ?? LIMITS.drainTimeoutMs;
    await Promise.all(this.#tokens.members.map((member) => member.close(drainMs)));
    this.#doorbell.offDelivered(this.#tellRoom);
  }

  /** Objects of a token are made in one that is chosen before: with others of that token they may have to take turns. */
  #change(task: HsmTask): void {
    const token = (this.#tokens.choose(task, undefined)?.token ?? this.tokens[0]) as OpenToken | undefined;
    if (token === undefined) new TaskRun(task, this.#tokens).start();
    else start(task, new PinnedToken(this.#tokens, token), token);
  }

  readonly #tellRoom = (): void => {
    if (this.#tokens.room === 0 && this.#tokens.capacity > 0) return;
    for (const listener of this.#roomListeners) listener();
  };

  #joined(): void {
    const open = this.tokens;
    if (open.length !== this.#open.length || open.some((token, at) => token !== this.#open[at])) {
      this.#open = open;
      if (this.#algorithms.learn(open)) this.selfTest.forgetAll();
      this.#tellTokens();
    }
    this.#tellRoom();
  }

  /** Algorithms may be done in another way by the same tokens. */
  #learn(): void {
    if (!this.#algorithms.learn(this.#open)) return;
    this.selfTest.forgetAll();
    this.#tellTokens();
  }

  #tellTokens(): void {
    for (const listener of this.#tokenListeners) listener();
  }

  /** What one token does not do is asked of others, as long as there are any: what the last one refuses may be over the next time. */
  #lacks(token: OpenToken, { operation, mechanism, reaction, reason }: Suspicion): void {
    const others = this.#tokens.members.flatMap((each) => (each.serves && each.token !== token && each.token) || []);
    if (reaction.lacks === 'writing') {
      if (others.some(({ abilities }) => abilities.takesObjects)) token.abilities.putAside('writing');
    } else if (isKeyWrap(operation, mechanism)) {
      // Without it there is no key in wrapped custody that the token could do anything with.
      this.#tokens.leave(token, reason);
    } else if (areDoneByOthers(mechanism, token, others)) {
      token.abilities.putAside(mechanism);
    }
  }
}

function pinnedTo(host: HsmHost): PinnedHost {
  return new PinnedHost(host.token as OpenToken, host as RingHost);
}

/** `changed` is the token that has its objects changed, and may want that one at a time. */
function start(task: HsmTask, hosts: TaskHosts, changed: OpenToken | undefined): void {
  if (changed?.serialTasks === undefined) new TaskRun(task, hosts).start();
  else changed.serialTasks.add(task, (serial) => new TaskRun(serial, hosts).start());
}
