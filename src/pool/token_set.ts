import { StrongroomError } from '../model/errors.ts';
import { chooseHost } from './host_choice.ts';
import type { HostToken } from './hsm_host.ts';
import type { HsmTask } from './hsm_task.ts';
import type { OpenToken } from './open_token.ts';
import { ParkedRuns } from './parked_runs.ts';
import { Patience } from './patience.ts';
import type { RingHost } from './ring_host.ts';
import type { Suspicion, TaskHosts, TaskRun } from './task_run.ts';
import type { TokenMember } from './token_member.ts';

/** The tokens of a pool: shares work out among the hosts of all that serve, whichever token they belong to. */
export class TokenSet implements TaskHosts {
  readonly #members: TokenMember[] = [];
  /** Hosts of the tokens that serve; another array with each change. */
  #hosts: readonly RingHost[] = [];
  readonly #parked = new ParkedRuns();
  readonly #goneListeners: ((host: RingHost) => void)[] = [];
  readonly #joinedListeners: (() => void)[] = [];
  readonly #changedListeners: (() => void)[] = [];
  #unfit = false;
  /** Tokens that serve. */
  #serving = 0;
  #closed = false;
  #patience: Patience | undefined;

  get members(): readonly TokenMember[] {
    return this.#members;
  }

  get hosts(): readonly RingHost[] {
    return this.#hosts;
  }

  get parked(): number {
    return this.#parked.count;
  }

  get unfit(): boolean {
    return this.#unfit;
  }

  get room(): number {
    let room = 0;
    for (const host of this.#hosts) room += host.room;
    return room;
  }

  get capacity(): number {
    let capacity = 0;
    for (const host of this.#hosts) capacity += host.capacity;
    return capacity;
  }

  add(member: TokenMember): TokenMember {
    this.#members.push(member);
    if (this.#members.length > 1) this.#patience ??= new Patience(() => this.#members.flatMap(({ hosts }) => hosts));
    member.attach({
      changed: () => this.#refresh(),
      joined: () => {
        this.#refresh();
        this.#parked.startAll();
        for (const listener of this.#joinedListeners) listener();
      },
      gone: (host) => {
        this.#refresh();
        for (const listener of this.#goneListeners) listener(host);
      },
      rests: () => {
        this.#lookAgain();
        this.#failHopeless();
      },
    });
    this.#refresh();
    return member;
  }

  /** @throws StrongroomError `NotFound` */
  named(name: string): TokenMember {
    const member = this.#members.find((each) => each.name === name);
    if (member === undefined) throw new StrongroomError('NotFound', 'The pool has no token of this name.');
    return member;
  }

  /** @throws StrongroomError `Conflict` (`LastToken`) when no other one is healthy */
  requireOther(member: TokenMember): void {
    if (this.#members.some((each) => each !== member && each.state === 'healthy')) return;
    const message = `No other token of the pool is healthy: without ${member.name} nothing could be done.`;
    throw new StrongroomError('Conflict', message, { innerCode: 'LastToken' });
  }

  /** Its hosts have ended before. */
  remove(member: TokenMember): void {
    const at = this.#members.indexOf(member);
    if (at >= 0) this.#members.splice(at, 1);
    this.#refresh();
    this.#failHopeless();
  }

  onGone(listener: (host: RingHost) => void): void {
    this.#goneListeners.push(listener);
  }

  onJoined(listener: () => void): void {
    this.#joinedListeners.push(listener);
  }

  /** Calls `listener` when other hosts are at work than before, or others are gone. */
  onChanged(listener: () => void): void {
    this.#changedListeners.push(listener);
  }

  choose(task: HsmTask, excluded: RingHost | undefined): RingHost | undefined {
    return chooseHost(this.#hosts, task, excluded);
  }

  park(run: TaskRun): void {
    this.#park(run, (member) => member.token === undefined || suits(run.task, member.token));
  }

  /** For work that is this token's alone. */
  parkFor(run: TaskRun, token: HostToken): void {
    this.#park(run, (member) => member.token === token);
  }

  suspect(host: RingHost, suspicion: Suspicion): void {
    (host.token as OpenToken).suspect(host, suspicion);
  }

  lied(host: RingHost): void {
    (host.token as OpenToken).lied(host);
  }

  distrusts(host: RingHost): boolean {
    return (host.token as OpenToken).group.unfit;
  }

  left(host: RingHost): boolean {
    return !this.#hosts.includes(host);
  }

  offersOther({ token }: Pick<RingHost, 'token'>, task: Pick<HsmTask, 'suits'>): boolean {
    return this.#hosts.some((host) => host.alive && host.token !== token && suits(task, host.token));
  }

  offersQuicker({ token }: RingHost, task: HsmTask): boolean {
    return this.#hosts.some((host) => host.alive && !host.slow && host.token !== token && suits(task, host.token));
  }

  /** A token is left only where there is another to go to: a sick one is better than none. Whether it is left from now on. */
  leave(token: OpenToken, reason: string): boolean {
    if (!this.offersOther({ token }, {})) return false;
    return this.#members.find((member) => member.token === token)?.leave(reason) ?? false;
  }

  /** Nobody waits for a host from now on. */
  close(): void {
    this.#closed = true;
    this.#patience?.close();
    this.#parked.failBefore(Number.POSITIVE_INFINITY, undefined);
  }

  #park(run: TaskRun, mayDo: (member: TokenMember) => boolean): void {
    const now = performance.now();
    const waitMs = this.#waitMs(now, mayDo);
    if (now + waitMs < run.task.deadline) this.#parked.add(run);
    else run.fail('ServiceUnavailable', this.#failure, Number.isFinite(waitMs) ? waitMs : undefined);
  }

  /** Milliseconds until one of the tokens may have a host again; infinite when an operator has to act before. */
  #waitMs(now: number, mayDo: (member: TokenMember) => boolean): number {
    if (this.#closed) return Number.POSITIVE_INFINITY;
    return this.#members.reduce(
      (least, member) => (mayDo(member) ? Math.min(least, member.waitMs(now)) : least),
      Number.POSITIVE_INFINITY,
    );
  }

  get #failure(): unknown {
    return this.#members.map(({ failure }) => failure).find((failure) => failure !== undefined);
  }

  /** Whoever cannot wait for the token that comes first fails now. */
  #failHopeless(): void {
    if (this.#hosts.some(({ alive }) => alive)) return;
    const now = performance.now();
    const waitMs = this.#waitMs(now, () => true);
    if (waitMs > 0) this.#parked.failBefore(now + waitMs, this.#failure);
  }

  #refresh(): void {
    this.#hosts = this.#members.flatMap((member) => (member.serves ? [...member.hosts] : []));
    this.#unfit = this.#members.length > 0 && this.#members.every(({ unfit }) => unfit);
    const serving = this.#members.filter(({ serves }) => serves).length;
    if (serving < this.#serving) this.#lookAgain();
    this.#serving = serving;
    for (const listener of this.#changedListeners) listener();
  }

  /** Whoever did in the place of others what they were found not to do may be the one that is missing now. */
  #lookAgain(): void {
    for (const { token } of this.#members) token?.abilities.lookAgain();
  }
}

function suits(task: Pick<HsmTask, 'suits'>, token: HostToken): boolean {
  return task.suits === undefined || task.suits(token);
}
