import { type ErrorCode, StrongroomError } from '../model/errors.ts';
import { nativeAddon, OUTCOME, RING_OPERATION, type RingOperation } from '../pkcs11/binding.ts';
import {
  cryptokiFailure,
  RETURN_VALUE,
  type Reaction,
  type ReactionClass,
  reactionTo,
} from '../pkcs11/return_value.ts';
import type { Completion, RingRequest } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';
import type { Leaver, Settle } from './pending_requests.ts';
import type { RingHost } from './ring_host.ts';

/** What a return value says against the instance that gave it, or against its token. */
export interface Suspicion {
  readonly operation: RingOperation;
  /** CKM_… of the request; 0 where it has none. */
  readonly mechanism: number;
  readonly reaction: Reaction;
  /** For the operator. */
  readonly reason: string;
}

/** What a run needs of the hosts that it may be done on. */
export interface TaskHosts {
  /** The host to do it on, undefined when there is none now. `excluded` failed before and is taken only where there is no other. */
  choose(task: HsmTask, excluded: RingHost | undefined): RingHost | undefined;
  /** No host now: starts the run again when there is one, or fails it. */
  park(run: TaskRun): void;
  /** A return value spoke against the instance or the token; the run goes its own way. */
  suspect(host: RingHost, suspicion: Suspicion): void;
  /** What it gave was wrong. */
  lied(host: RingHost): void;
  /** Self-tests failed: nothing that any of the tokens gives counts any more. */
  readonly unfit: boolean;
  /** A self-test of the host's token failed: nothing that it gives counts any more. */
  distrusts(host: RingHost): boolean;
  /** The host is not among those to choose from any more. */
  left(host: RingHost): boolean;
  /** There is a host of another token that can do it. */
  offersOther(host: RingHost, task: HsmTask): boolean;
  /** There is one whose calls come back. */
  offersQuicker(host: RingHost, task: HsmTask): boolean;
}

/** After these a mutating operation was certainly not done; after any other failure nobody knows. */
const CERTAIN: ReadonlySet<ReactionClass> = new Set<ReactionClass>([
  'callerInput',
  'policy',
  'capability',
  'bufferTooSmall',
  'handleUnknown',
  'refused',
  'defect',
]);

/** Done again on the same token these only fail again. */
const ON_ANOTHER_TOKEN: ReadonlySet<ReactionClass> = new Set<ReactionClass>(['capability', 'pin', 'fatal']);

/** The fault may lie in the instance, so another one goes first. */
const ELSEWHERE: ReadonlySet<ReactionClass> = new Set<ReactionClass>([
  'retryElsewhere',
  'sessionLost',
  'hostLost',
  'tokenSick',
  'tokenLost',
]);

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  ServiceUnavailable: 'The HSM is not available for this operation now.',
  OutcomeUnknown: 'The HSM failed while it did this, and whether it was done is not known.',
  Timeout: 'The operation was not done in time.',
  Throttled: 'Too many operations wait for the HSM.',
  NotSupported: 'The HSM does not support this operation.',
  KeyMissing: 'The HSM does not know the key any more.',
  SelfTestFailed: 'The HSM failed a self-test.',
};

/** What keeps a token from being made ready may be its own matter. */
const OF_THE_TOKEN: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ServiceUnavailable', 'NotSupported']);

/** Others may do it in the meantime as well, but hardly sooner. */
const TAKES_LONG: ReadonlySet<RingOperation | 0> = new Set<RingOperation>([
  RING_OPERATION.generateKey,
  RING_OPERATION.generateKeyPair,
]);

/** Hosts that may go away while one task is brought to them. More would mean that what is brought is what they die of. */
const LOST_PREPARATIONS = 3;

/**
 * Who has left a host that was only busy, and then meets one that hangs, may go back. More would mean that what is asked is what they hang of.
 */
const MOST_LEAVES = 2;

let functionNames: readonly string[] | undefined;

/**
 * One task on its way through the pool: chooses a host, has the request prepared, submits it and reacts to what comes back.
 * It costs one object and one closure, however many tries it takes.
 */
export class TaskRun implements Leaver {
  readonly task: HsmTask;
  readonly #hosts: TaskHosts;
  #host: RingHost | undefined;
  #excluded: RingHost | undefined;
  #operation: RingOperation | 0 = 0;
  #object = 0;
  #mechanism = 0;
  #deaths = 0;
  #failures = 0;
  #lostPreparations = 0;
  #lies = 0;
  /** Hosts that it has left because they did not come back with it. */
  #leaves = 0;
  /** What is being prepared is for this try. */
  #try = 0;
  /** What the answer was found to need. */
  #capacity = 0;

  /** `avoided` is a host that does it only where there is no other, from the start. */
  constructor(task: HsmTask, hosts: TaskHosts, avoided?: RingHost) {
    this.task = task;
    this.#hosts = hosts;
    this.#excluded = avoided;
  }

  start(): void {
    const { task } = this;
    if (this.#hosts.unfit) {
      this.fail('SelfTestFailed');
      return;
    }
    if (performance.now() >= task.deadline) {
      this.fail('Timeout');
      return;
    }
    const host = this.#hosts.choose(task, this.#excluded);
    if (host === undefined) {
      this.#hosts.park(this);
      return;
    }
    this.#host = host;
    this.#operation = 0;
    host.tasks++;
    let request: RingRequest | Promise<RingRequest>;
    try {
      request = task.prepare(host);
    } catch (error) {
      this.#notPrepared(error);
      return;
    }
    if (request instanceof Promise) this.#awaitPreparation(host, request);
    else this.#submit(request);
  }

  /**
   * Whether it need not wait for its host any longer: it is started elsewhere then, and answers what is to be done with an answer that comes
   * all the same. Whatever may have been done stays with one host.
   */
  leave(): Settle | undefined {
    const host = this.#host as RingHost;
    const { task } = this;
    if (this.#leaves === MOST_LEAVES || task.effect !== 'pure' || TAKES_LONG.has(this.#operation)) return undefined;
    if (!this.#hosts.offersQuicker(host, task)) return undefined;
    this.#leaves += 1;
    this.#try += 1;
    this.#excluded = host;
    const release = task.leave(host);
    return ({ outcome, serviceTimeUs, answer }) => {
      host.tasks--;
      if (outcome === OUTCOME.done) host.served(serviceTimeUs);
      answer.fill(0);
      release();
    };
  }

  #awaitPreparation(host: RingHost, request: Promise<RingRequest>): void {
    const current = this.#try;
    host.prepares(this);
    const isOver = (): boolean => {
      if (current === this.#try) {
        host.prepared(this);
        return false;
      }
      host.tasks--;
      return true;
    };
    request.then(
      (prepared) => isOver() || this.#submit(prepared),
      (error: unknown) => isOver() || this.#notPrepared(error),
    );
  }

  fail(code: ErrorCode, cause?: unknown, retryAfterMs?: number): void {
    const message = MESSAGES[code] ?? 'The operation failed inside the HSM.';
    this.task.fail(new StrongroomError(code, message, { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) }));
  }

  #submit(request: RingRequest): void {
    const host = this.#host as RingHost;
    const remainingMs = Math.ceil(this.task.deadline - performance.now());
    if (remainingMs <= 0) {
      this.#endTry(host);
      this.fail('Timeout');
      return;
    }
    request.timeoutMs = remainingMs;
    if (request.capacity < this.#capacity) request.capacity = this.#capacity;
    this.#operation = request.operation;
    this.#object = request.object;
    this.#mechanism = request.mechanism;
    try {
      host.submit(request, this.#settle, this);
    } catch (error) {
      this.#endTry(host);
      this.fail('InternalError', error);
    }
  }

  readonly #settle = (completion: Completion): void => {
    const host = this.#host as RingHost;
    this.#endTry(host);
    if (completion.outcome === OUTCOME.done) {
      // A key pair takes a thousand times as long as what is done with it: it would say nothing of that.
      if (!TAKES_LONG.has(this.#operation)) host.served(completion.serviceTimeUs);
      if (this.#hosts.distrusts(host)) this.#distrusted(host);
      else if (completion.returnValue === 0) this.#check(host, completion);
      else this.#react(host, completion);
    } else {
      this.#unanswered(host, completion.outcome);
    }
  };

  /** Nothing wrong leaves the house, as far as the task looks at what it gets. */
  #check(host: RingHost, completion: Completion): void {
    let right: boolean | Promise<boolean>;
    try {
      right = this.task.check(completion, host);
    } catch (error) {
      this.#unchecked(completion, error);
      return;
    }
    if (right === true) {
      this.task.settle(completion);
      return;
    }
    if (right === false) {
      this.#checked(host, completion, right);
      return;
    }
    right.then(
      (isRight) => this.#checked(host, completion, isRight),
      (error: unknown) => this.#unchecked(completion, error),
    );
  }

  #checked(host: RingHost, completion: Completion, isRight: boolean): void {
    if (isRight && !this.#hosts.distrusts(host)) {
      this.task.settle(completion);
      return;
    }
    completion.answer.fill(0);
    if (!isRight) this.#hosts.lied(host);
    if (this.#hosts.distrusts(host)) this.#distrusted(host);
    else if (this.#lies++ === 0) this.#again(host);
    else this.fail('ServiceUnavailable', new Error('The HSM gave a wrong answer twice'));
  }

  #unchecked(completion: Completion, error: unknown): void {
    completion.answer.fill(0);
    if (error instanceof StrongroomError) this.task.fail(error);
    else this.fail('InternalError', error);
  }

  #distrusted(host: RingHost): void {
    if (this.task.effect === 'pure' && !this.#hosts.unfit) this.#again(host);
    else this.fail('SelfTestFailed');
  }

  #endTry(host: RingHost): void {
    host.tasks--;
    this.task.release(host);
  }

  /**
   * The host could not be made ready for the task. Where it, or its token, went away meanwhile, that was why, and another may do better; so may
   * another token where this one failed at it.
   */
  #notPrepared(error: unknown): void {
    const host = this.#host as RingHost;
    host.tasks--;
    if (this.#lostPreparations < LOST_PREPARATIONS && this.#mayDoBetter(host, error)) {
      this.#lostPreparations++;
      this.#again(host);
    } else if (error instanceof StrongroomError) {
      this.task.fail(error);
    } else {
      this.fail('InternalError', error);
    }
  }

  #mayDoBetter(host: RingHost, error: unknown): boolean {
    if (!host.alive || this.#hosts.left(host)) return true;
    const isOfToken = error instanceof StrongroomError && OF_THE_TOKEN.has(error.code);
    return isOfToken && this.#hosts.offersOther(host, this.task);
  }

  #unanswered(host: RingHost, outcome: number): void {
    const cause = host.end === undefined ? undefined : new Error(`The HSM host ${host.id} is gone: ${host.end.reason}`);
    if (outcome === OUTCOME.expired) {
      this.fail('Timeout', cause);
    } else if (outcome === OUTCOME.notStarted) {
      this.#again(host);
    } else if (this.task.effect === 'mutating') {
      this.fail('OutcomeUnknown', cause);
    } else if (this.#deaths++ === 0) {
      this.#again(host);
    } else {
      // Twice in a row the host died of it, or with it: a third time would be one host more.
      this.fail('ServiceUnavailable', cause);
    }
  }

  #react(host: RingHost, completion: Completion): void {
    if (this.#operation === RING_OPERATION.verify && completion.returnValue === host.failedVerification) {
      this.task.settle({ ...completion, returnValue: RETURN_VALUE.CKR_SIGNATURE_INVALID });
      return;
    }
    const reaction = this.#reactionTo(host, completion.returnValue);
    const kind = reaction.class;
    if (kind === 'ok' || kind === 'result' || kind === 'callerInput' || kind === 'policy') {
      this.task.settle(completion);
      return;
    }
    functionNames ??= nativeAddon().functionNames();
    const cause = cryptokiFailure(functionNames[completion.function] ?? 'The host', completion.returnValue);
    this.#hosts.suspect(host, {
      operation: this.#operation as RingOperation,
      mechanism: this.#mechanism,
      reaction,
      reason: cause.message,
    });
    if (kind === 'handleUnknown') this.task.forget(host);
    if (kind === 'bufferTooSmall') this.#capacity = completion.answerLength;
    if (this.task.effect === 'mutating' && kind !== 'noSession') {
      this.fail(CERTAIN.has(kind) ? reaction.code : 'OutcomeUnknown', cause);
    } else if (this.#failures >= reaction.retries) {
      this.fail(reaction.code, cause);
    } else if (ON_ANOTHER_TOKEN.has(kind)) {
      this.#onAnotherToken(host, reaction, cause);
    } else if (reaction.backoffMs > 0) {
      this.#afterPause(jittered(reaction.backoffMs * 2 ** this.#failures++), reaction.code, cause);
    } else {
      this.#failures++;
      this.#again(ELSEWHERE.has(kind) ? host : undefined);
    }
  }

  #onAnotherToken(host: RingHost, { code }: Reaction, cause: unknown): void {
    this.#failures++;
    if (this.#hosts.offersOther(host, this.task)) this.#again(host);
    else this.fail(code, cause);
  }

  #reactionTo(host: RingHost, returnValue: number): Reaction {
    const operation = this.#operation as RingOperation;
    const reaction = reactionTo(operation, this.task.input, returnValue);
    // Nobody brings the pool's own keys: an instance that does not know them any more has lost its login, whatever it calls that.
    if (reaction.class !== 'handleUnknown' || !Object.values(host.poolKeys).includes(this.#object)) return reaction;
    // The loss of a session may have been the first sign of it, and have taken a try.
    return { ...reactionTo(operation, this.task.input, RETURN_VALUE.CKR_USER_NOT_LOGGED_IN), retries: 2 };
  }

  #afterPause(pauseMs: number, code: ErrorCode, cause: unknown): void {
    if (performance.now() + pauseMs < this.task.deadline) setTimeout(() => this.start(), pauseMs);
    else this.fail(code, cause);
  }

  #again(excluded: RingHost | undefined): void {
    this.#excluded = excluded;
    this.start();
  }
}

/** Between half and one and a half times as long, so that callers who failed together do not come back together. */
function jittered(milliseconds: number): number {
  return milliseconds * (0.5 + Math.random());
}
