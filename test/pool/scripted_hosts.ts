import type { StrongroomError } from '../../src/model/errors.ts';
import { OUTCOME, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { RETURN_VALUE } from '../../src/pkcs11/return_value.ts';
import type { Completion, HsmHost, RingRequest } from '../../src/pool/hsm_host.ts';
import type { HsmTask } from '../../src/pool/hsm_task.ts';
import type { RingHost } from '../../src/pool/ring_host.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { type Suspicion, type TaskHosts, TaskRun } from '../../src/pool/task_run.ts';

export const OK = { returnValue: RETURN_VALUE.CKR_OK };
export const UNKNOWN = { outcome: OUTCOME.unknown };
export const NOT_STARTED = { outcome: OUTCOME.notStarted };
type Step = Partial<Completion>;

/** Hosts that answer each try with the next step of a script. */
export class ScriptedHosts implements TaskHosts {
  unfit = false;
  hasOtherToken = false;
  readonly leftHosts = new Set<string>();
  readonly tries: string[] = [];
  readonly requests: RingRequest[] = [];
  readonly suspicions: string[] = [];
  readonly liars: string[] = [];
  readonly parked: TaskRun[] = [];
  readonly hosts: RingHost[];
  readonly #script: Step[];

  constructor(...script: Step[]) {
    this.#script = script;
    this.hosts = ['A', 'B'].map((id) => this.#host(id));
  }

  choose(_task: HsmTask, excluded: RingHost | undefined): RingHost | undefined {
    return this.hosts.find((host) => host !== excluded) ?? this.hosts[0];
  }

  park(run: TaskRun): void {
    this.parked.push(run);
  }

  suspect({ id }: RingHost, { reaction }: Suspicion): void {
    this.suspicions.push(`${id} ${reaction.class}`);
  }

  distrusts(): boolean {
    return this.unfit;
  }

  left({ id }: RingHost): boolean {
    return this.leftHosts.has(id);
  }

  offersOther(): boolean {
    return this.hasOtherToken;
  }

  offersQuicker(): boolean {
    return this.hasOtherToken;
  }

  lied({ id }: RingHost): void {
    this.liars.push(id);
  }

  #host(id: string): RingHost {
    const host = {
      poolKeys: { kek: 1, seal: 2, auditPrivate: 3, attestationPrivate: 4 },
      id,
      tasks: 0,
      alive: true,
      end: undefined,
      served: () => undefined,
      prepares: () => undefined,
      prepared: () => undefined,
      submit: (request: RingRequest, settle: (completion: Completion) => void) => {
        this.tries.push(id);
        this.requests.push({ ...request });
        const step = this.#script.shift() ?? OK;
        const answer = new Uint8Array(0);
        settle({
          outcome: OUTCOME.done,
          function: 0,
          returnValue: 0,
          answer,
          answerLength: 0,
          serviceTimeUs: 1,
          ...step,
        });
      },
    };
    return host as unknown as RingHost;
  }
}

export class RecordedTask implements HsmTask {
  effect: 'pure' | 'mutating' = 'pure';
  input: 'caller' | 'engine' = 'engine';
  operation: number = RING_OPERATION.sign;
  deadline = performance.now() + 1_000;
  prepared = 0;
  released = 0;
  forgotten = 0;
  left = 0;
  error: StrongroomError | undefined;
  completion: Completion | undefined;
  readonly ended: Promise<void>;
  #end!: () => void;

  constructor(fields: Partial<RecordedTask> = {}) {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    Object.assign(this, fields);
  }

  prefers(): boolean {
    return true;
  }

  prepare(): RingRequest | Promise<RingRequest> {
    this.prepared++;
    return ringRequest(this.operation as typeof RING_OPERATION.sign, { capacity: 16 });
  }

  release(): void {
    this.released++;
  }

  leave(): () => void {
    this.left++;
    return () => this.released++;
  }

  check(_completion: Completion, _host: HsmHost): boolean | Promise<boolean> {
    return true;
  }

  settle(completion: Completion): void {
    if (this.completion !== undefined || this.error !== undefined) throw new Error('settled twice');
    this.completion = completion;
    this.#end();
  }

  fail(error: StrongroomError): void {
    if (this.completion !== undefined || this.error !== undefined) throw new Error('settled twice');
    this.error = error;
    this.#end();
  }

  forget(): void {
    this.forgotten++;
  }
}

export async function run(task: RecordedTask, hosts: ScriptedHosts): Promise<void> {
  new TaskRun(task, hosts).start();
  await task.ended;
}
