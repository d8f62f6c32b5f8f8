import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { logInDirectory } from '../../src/audit/log_files.ts';
import { verifyAuditLog } from '../../src/audit/verify_audit_log.ts';
import { KeyCaller, UNAVAILABLE } from '../api/key_caller.ts';
import type { Answer, RunningServer } from '../api/running_server.ts';
import { eventsOf } from '../audit/test_log.ts';
import type { DiskCall, DiskError, DiskFault, DiskFaults } from '../disk_faults/disk_faults.ts';
import { childrenOf, signalAll } from '../fixtures/child_processes.ts';
import type { SeededRandom } from '../fixtures/seeded_random.ts';
import { DISK_KEY_PREFIX, DISK_SUBJECTS, type DiskSubject, type DiskSubjectKind } from './disk_subjects.ts';
import { clear, importableKeys } from './key_lives.ts';
import { keyObjects } from './kill_campaign.ts';

/** A server that has not answered or is not well again by then never will be, however busy the machine is. */
const LONGEST_MS = 60_000;
const CONNECTIONS = 4;
const PAUSE_MS = 20;
const MOST_ALIKE = 6;
const BETWEEN_DEATHS_MS = 30_000;
const DIGEST = createHash('sha256').update('disk').digest('base64url');
const STEADY = `${DISK_KEY_PREFIX}steady`;
const EC = { kty: 'EC', crv: 'P-256' };
/** What a server may say of a change that the disk did not take. */
const REFUSALS = new Set(['ServiceUnavailable', 'OutcomeUnknown', 'Timeout']);

export interface DiskCase {
  readonly kind: DiskSubjectKind;
  readonly fault: DiskFault;
  /** The call that is to meet it. */
  readonly met: string;
  /** How it ends: the disk gets well; before that the server is killed, or the hosts of the token are. */
  readonly end: 'heal' | 'kill' | 'hosts die';
  /** Another change is under way meanwhile. */
  readonly crowded: boolean;
}

export interface DiskTally {
  readonly answers: Map<string, number>;
  readonly met: Set<string>;
  restarts: number;
  hostsKilled: number;
  longestAnswerMs: number;
  longestRecoveryMs: number;
}

/** Takes the disk from a server at each call by which a change comes to it, and looks at what there is then. */
export class DiskCampaign {
  readonly tally: DiskTally = {
    answers: new Map(),
    met: new Set(),
    restarts: 0,
    hostsKilled: 0,
    longestAnswerMs: 0,
    longestRecoveryMs: 0,
  };
  readonly #server: RunningServer;
  readonly #faults: DiskFaults;
  readonly #random: SeededRandom;
  readonly #importable = importableKeys();
  /** Since the last start. */
  #subjects: DiskSubject[] = [];
  readonly #names = new Set<string>();
  /** Request ids. */
  readonly #acknowledged: string[] = [];
  #caller!: KeyCaller;
  #resident = false;
  #number = 0;
  #hostsMayDieAt = 0;

  constructor(server: RunningServer, faults: DiskFaults, random: SeededRandom) {
    this.#server = server;
    this.#faults = faults;
    this.#random = random;
  }

  /** The server is running, and has no keys. */
  async begin(): Promise<void> {
    this.#caller = await KeyCaller.open(this.#server, CONNECTIONS);
    await this.#caller.ask('POST', `/keys/${STEADY}/create`, EC);
  }

  /** Every call that a change of each kind makes, with every error that can come of it; of those that are alike some. */
  async cases(kinds: readonly DiskSubjectKind[]): Promise<DiskCase[]> {
    const cases: DiskCase[] = [];
    for (const kind of kinds) {
      const subject = this.#subject(kind);
      const { text, method, path, body } = await subject.prepare(this.#caller);
      this.#faults.begin();
      const answer = await this.#caller.send(method, path, body);
      await delay(PAUSE_MS);
      const calls = this.#faults.calls();
      if (answer.status >= 300) throw new Error(`${text} was answered with ${answer.status}.`);
      await subject.settle(this.#caller, answer.json);
      for (const call of this.#someOfAlike(calls))
        cases.push(...faultsOf(call).map((fault) => this.#case(kind, call, fault)));
    }
    return cases;
  }

  /** False where no call met the fault. @throws Error, which tells what is not as it should be */
  async run({ kind, fault, end, crowded }: DiskCase): Promise<boolean> {
    const subjects = [this.#subject(kind), ...(crowded ? [this.#subject('update')] : [])];
    const requests = [];
    for (const subject of subjects) requests.push(await subject.prepare(this.#caller));
    this.#faults.begin(fault);
    const answers = await Promise.all(requests.map(({ method, path, body }) => this.#ask(method, path, body)));
    if (end === 'hosts die') this.#killHosts();
    if (fault.extent === 'lasting' && end !== 'kill') await this.#useMeanwhile();
    const wasMet = this.#faults.faults > 0;
    this.#noteMet();
    if (end === 'kill') await this.#restart('SIGKILL');
    this.#faults.heal();
    // What is found at once has not been mended by what comes after it.
    const isSeenAtOnce = fault.extent !== 'lasting';
    if (!isSeenAtOnce) await this.#recover();
    for (const [index, subject] of subjects.entries()) await this.#judge(subject, answers[index] as Answer);
    if (isSeenAtOnce) await this.#recover();
    return wasMet;
  }

  /** Another life, in which what was there before is there again. */
  async restart(resident: boolean): Promise<void> {
    this.#resident = resident;
    await this.#restart('SIGTERM');
    for (const subject of this.#subjects.splice(0)) await subject.look(this.#caller);
  }

  /** After a failure, which the cases to come have nothing to do with. */
  async startOver(): Promise<void> {
    this.#subjects = [];
    await this.#restart('SIGKILL');
  }

  /** Purges everything, and ends the server. It was started after the last fault, and has settled by then what was left undone. */
  async finish(): Promise<void> {
    for (const name of [STEADY, ...this.#names]) await clear(this.#caller, name);
    for (const path of ['/keys', '/deletedkeys']) assert.deepEqual(await this.#caller.list(path), []);
    this.#caller.close();
    await this.#server.stop();
    this.#requireRecords();
    assert.deepEqual(await keyObjects(this.#server.dataDir, DISK_KEY_PREFIX), [], 'objects are left in the token');
  }

  /** Each file of the token is synced when an object is made: without this most faults would be that one. */
  #someOfAlike(calls: readonly DiskCall[]): DiskCall[] {
    const groups = Map.groupBy(calls, sortOf);
    return [...groups.values()].flatMap((group) => this.#random.shuffled(group).slice(0, MOST_ALIKE));
  }

  #case(kind: DiskSubjectKind, { program, call, path }: DiskCall, fault: DiskFault): DiskCase {
    const others = fault.extent === 'lasting' ? (['kill', 'hosts die'] as const) : (['kill'] as const);
    const end = this.#random.chance(0.1) ? this.#random.pick(others) : 'heal';
    return { kind, fault, met: `${program} ${call} ${path}`, end, crowded: this.#random.chance(0.25) };
  }

  #subject(kind: DiskSubjectKind): DiskSubject {
    this.#number += 1;
    const subject = DISK_SUBJECTS[kind]({
      random: this.#random,
      number: this.#number,
      resident: this.#resident,
      importable: this.#importable,
    });
    this.#subjects.push(subject);
    if (subject.name.startsWith(DISK_KEY_PREFIX)) this.#names.add(subject.name);
    return subject;
  }

  /** An answer in time, and one of those that there may be. */
  async #ask(method: string, path: string, body?: Readonly<Record<string, unknown>>): Promise<Answer> {
    const started = performance.now();
    const over = new AbortController();
    const late = delay(LONGEST_MS, undefined, { signal: over.signal }).then(() => {
      throw new Error(`${method} ${path} was not answered within ${LONGEST_MS} ms.`);
    });
    late.catch(() => undefined);
    const answer = await Promise.race([this.#caller.send(method, path, body), late]);
    over.abort();
    this.tally.longestAnswerMs = Math.max(this.tally.longestAnswerMs, performance.now() - started);
    const { code = '', innererror } = answer.json.error ?? {};
    if (answer.status < 300) this.#acknowledged.push(String(answer.headers['x-ms-request-id']));
    if (answer.status >= 300 && (answer.status !== UNAVAILABLE || !REFUSALS.has(code))) {
      throw new Error(`${method} ${path} was answered with ${answer.status} ${JSON.stringify(answer.json)}.`);
    }
    const said = answer.status < 300 ? 'done' : `${code} ${innererror?.code ?? ''}`.trim();
    this.tally.answers.set(said, (this.tally.answers.get(said) ?? 0) + 1);
    return answer;
  }

  /** Those that come in their place log in on the disk as it is. Not so often that the pool takes it for a crash loop. */
  #killHosts(): void {
    const now = performance.now();
    if (now < this.#hostsMayDieAt) return;
    this.#hostsMayDieAt = now + BETWEEN_DEATHS_MS;
    signalAll(childrenOf(this.#server.pid), 'SIGKILL');
    this.tally.hostsKilled += 1;
  }

  /** What needs no disk may be served or not, but nobody waits for it. */
  async #useMeanwhile(): Promise<void> {
    await this.#ask('GET', `/keys/${STEADY}`);
    await this.#ask('POST', `/keys/${STEADY}/sign`, { alg: 'ES256', value: DIGEST });
  }

  /** By itself: nobody starts it again. */
  async #recover(): Promise<void> {
    const started = performance.now();
    const name = `${DISK_KEY_PREFIX}after-${this.#number}`;
    this.#names.add(name);
    for (let answer: Answer | undefined; answer?.status !== 200; ) {
      answer = await this.#ask('POST', `/keys/${name}/create`, EC);
      if (performance.now() - started > LONGEST_MS) {
        throw new Error(`The disk is well, and the server answers ${JSON.stringify(answer.json)}.`);
      }
      if (answer.status !== 200) await delay(PAUSE_MS);
    }
    const signed = await this.#ask('POST', `/keys/${name}/sign`, { alg: 'ES256', value: DIGEST });
    assert.equal(signed.status, 200, JSON.stringify(signed.json));
    this.tally.longestRecoveryMs = Math.max(this.tally.longestRecoveryMs, performance.now() - started);
  }

  /** What was acknowledged is there; what was refused as not done is not; nothing is half there. */
  async #judge(subject: DiskSubject, { status, json }: Answer): Promise<void> {
    const isDone = status < 300;
    const done = await subject.settle(this.#caller, isDone ? json : undefined);
    const { code, innererror } = json.error ?? {};
    const isDenied = code === 'ServiceUnavailable' && innererror?.code !== 'AuditUnavailable';
    if (done && isDenied) throw new Error(`${subject.name} was done, and was answered with ${JSON.stringify(json)}.`);
  }

  async #restart(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#caller.close();
    await this.#server.stop(signal);
    this.#faults.heal();
    if (signal === 'SIGTERM') {
      const { problem } = await verifyAuditLog(logInDirectory(join(this.#server.dataDir, 'audit')));
      assert.equal(problem, undefined, `the audit log does not hold: ${JSON.stringify(problem)}`);
    }
    await this.#server.restart({ STRONGROOM_ENGINE_CUSTODY: this.#resident ? 'resident' : 'wrapped' });
    this.#caller = await KeyCaller.open(this.#server, CONNECTIONS);
    this.tally.restarts += 1;
  }

  /** What was acknowledged is on record. */
  #requireRecords(): void {
    const events = eventsOf(join(this.#server.dataDir, 'audit')).filter(({ resultType }) => resultType === 'Success');
    const recorded = new Set(events.map(({ properties }) => (properties as { requestId: string }).requestId));
    const missing = this.#acknowledged.filter((id) => !recorded.has(id));
    assert.deepEqual(missing, [], 'acknowledged requests are not on record');
  }

  #noteMet(): void {
    for (const call of this.#faults.calls()) if (call.outcome !== 'done') this.tally.met.add(sortOf(call));
  }
}

const ERRORS: readonly DiskError[] = ['ENOSPC', 'EIO', 'EDQUOT'];

function faultsOf({ nth, kind }: DiskCall): DiskFault[] {
  const errors = kind === 'free' ? (['EIO'] as const) : ERRORS;
  const extents = ['once', 'lasting'] as const;
  const whole = errors.flatMap((error) => extents.map((extent) => ({ nth, error, extent, short: false })));
  if (kind !== 'fill') return whole;
  const halves = ['once', 'briefly', 'lasting'] as const;
  return [...whole, ...halves.map((extent) => ({ nth, error: 'ENOSPC' as const, extent, short: true }))];
}

/** Files by what they are, and not by their name. */
function sortOf({ program, call, path }: DiskCall): string {
  return `${program} ${call} ${path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|\d+/g, 'N')}`;
}
