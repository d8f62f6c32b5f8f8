import type { Realisation } from '../model/algorithm.ts';
import { StrongroomError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { RING_OPERATION } from '../pkcs11/binding.ts';
import type { InspectedToken } from '../pkcs11/provisioning.ts';
import type { ReactionClass } from '../pkcs11/return_value.ts';
import { HostGroup } from './host_group.ts';
import { HostStarter } from './host_starter.ts';
import type { Completion, HostToken, RingRequest, TokenDescription } from './hsm_host.ts';
import type { PinGuard } from './pin_guard.ts';
import type { PinSource } from './pin_source.ts';
import { PinnedHost } from './pinned_host.ts';
import { PoolCall } from './pool_call.ts';
import type { CeremonyToken } from './pool_key_ceremony.ts';
import { lookAtToken } from './pool_keys.ts';
import { nameOf, type PoolWideOptions, type TokenOptions } from './pool_options.ts';
import { findToken } from './pool_token.ts';
import type { RingHost } from './ring_host.ts';
import { ringRequest } from './ring_request.ts';
import { SerialTasks } from './serial_tasks.ts';
import { type Suspicion, TaskRun } from './task_run.ts';
import { TokenAbilities } from './token_abilities.ts';
import { decodeMechanisms, type MechanismSupport } from './token_answers.ts';
import { type TokenProfile, tokenProfile } from './token_profile.ts';

/** What the tokens of a pool have in common. */
export interface TokenSurroundings {
  readonly options: PoolWideOptions;
  readonly guard: PinGuard;
  /** A name that no host of the pool has had yet. */
  readonly newHostId: () => string;
  /** A return value spoke against a token as a whole. Whether it had work until now, and is left for another. */
  readonly leave: (token: OpenToken, reason: string) => boolean;
  /** A token said that it cannot do something after all. */
  readonly lacks: (token: OpenToken, suspicion: Suspicion) => void;
  /** What a token is asked for is not what it was before. */
  readonly abilitiesChanged: () => void;
}

/** They speak of the token and not of one instance. */
const AGAINST_TOKEN: ReadonlySet<ReactionClass> = new Set<ReactionClass>(['tokenSick', 'tokenLost']);
const START_TIMEOUT_MS = 10_000;
const STOP_GRACE_MS = 2_000;
const MECHANISM_LIST_BYTES = 32 * 1024;

/** A token that was found, with the hosts in which its module is at work. */
export class OpenToken implements HostToken {
  readonly name: string;
  readonly description: TokenDescription;
  readonly profile: TokenProfile;
  readonly group: HostGroup;
  /** How to log in to it beside the hosts. */
  readonly ceremonyToken: CeremonyToken;
  /** Where objects of the token are made one at a time. */
  readonly serialTasks: SerialTasks | undefined;
  readonly abilities: TokenAbilities;
  readonly #surroundings: TokenSurroundings;

  private constructor(options: TokenOptions, found: InspectedToken, pin: PinSource, surroundings: TokenSurroundings) {
    const { module, environment = {}, softHsmTokenDirectory, beforeStart, forceLogin = false } = options;
    const { guard, newHostId: newId, options: wide } = surroundings;
    const { label, serial, manufacturer, model, flags } = found;
    this.name = nameOf(options);
    this.description = { label, serial, manufacturer, model };
    this.profile = tokenProfile(options, found);
    const isWritable = !flags.includes('CKF_WRITE_PROTECTED');
    this.abilities = new TokenAbilities(this.profile, isWritable, surroundings.abilitiesChanged);
    this.ceremonyToken = { name: this.name, module, environment, label, serial, pin, guard, softHsmTokenDirectory };
    this.#surroundings = surroundings;
    const { isolation = 'process', startTimeoutMs = START_TIMEOUT_MS } = wide;
    const starter = new HostStarter({
      module,
      token: this,
      newId,
      isolation,
      environment,
      forceLogin,
      startTimeoutMs,
      beforeStart,
      pin,
      guard,
    });
    this.group = new HostGroup({
      ...wide,
      hosts: this.profile.hosts,
      lanes: this.profile.lanes,
      start: (lanes) => starter.start(lanes),
    });
    this.serialTasks = this.profile.serialisedCreation
      ? new SerialTasks((host) => this.ask(lookAtToken(), host as RingHost))
      : undefined;
  }

  /**
   * Finds the token, logs in, looks up the pool keys, and starts all hosts, one after the other.
   * @throws StrongroomError `ServiceUnavailable` (`TokenNotFound`, `TokenAmbiguous`, `ProvisioningFailed`, or one of HostStarter.start)
   */
  static async open(options: TokenOptions, pin: PinSource, surroundings: TokenSurroundings): Promise<OpenToken> {
    const { module, environment = {} } = options;
    const found = await findToken({ module, environment }, options.token);
    const token = new OpenToken(options, found, pin, surroundings);
    try {
      await token.group.open();
      await token.#learnMechanisms();
      return token;
    } catch (error) {
      await token.close(0);
      throw error;
    }
  }

  get serial(): string {
    return this.description.serial;
  }

  /** By CKM_*. */
  get mechanisms(): ReadonlyMap<number, MechanismSupport> {
    return this.abilities.mechanisms;
  }

  get realisations(): ReadonlySet<Realisation> {
    return this.abilities.realisations;
  }

  /** One request in one of its hosts. */
  ask(request: RingRequest, host: RingHost, timeoutMs: number = LIMITS.operationTimeoutMs): Promise<Completion> {
    const call = new PoolCall(request, {}, timeoutMs);
    new TaskRun(call, new PinnedHost(this, host)).start();
    return call.answered;
  }

  /** What a return value asks for, of the instance and of the token. */
  suspect(host: RingHost, suspicion: Suspicion): void {
    const { operation, reaction, reason } = suspicion;
    const losesSessions = this.group.suspect(host, operation, reaction, reason);
    if (reaction.lacks !== undefined) this.#surroundings.lacks(this, suspicion);
    if (AGAINST_TOKEN.has(reaction.class)) this.#surroundings.leave(this, reason);
    else if (losesSessions && this.#surroundings.leave(this, reason)) this.group.loseAll(reason);
  }

  /** What one of its hosts gave was wrong. */
  lied(host: RingHost): void {
    this.group.lied(host);
    this.#surroundings.leave(this, 'it gave a wrong signature');
  }

  async close(drainMs: number): Promise<void> {
    this.abilities.close();
    await this.group.close(drainMs, STOP_GRACE_MS);
  }

  async #learnMechanisms(): Promise<void> {
    const [host] = this.group.hosts;
    if (host === undefined) throw new StrongroomError('ServiceUnavailable', 'The HSM host is gone already.');
    const request = ringRequest(RING_OPERATION.mechanisms, { capacity: MECHANISM_LIST_BYTES });
    this.abilities.learn(decodeMechanisms((await this.ask(request, host)).answer));
  }
}
