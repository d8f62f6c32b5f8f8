import { createHash, createHmac, randomBytes, randomInt, verify } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { OUTCOME, PARAMETER_KIND, RING_OPERATION } from '../../src/pkcs11/binding.ts';
import { gcmParameter, MECHANISM } from '../../src/pkcs11/mechanism.ts';
import type { Completion, HsmHost } from '../../src/pool/hsm_host.ts';
import type { ProcessHost } from '../../src/pool/process_host.ts';
import { ringRequest } from '../../src/pool/ring_request.ts';
import { bringAesKey, call, KnownEcKey, KnownSecret, TrafficToken } from './traffic_token.ts';

const OPERATIONS = 100_000;
const IN_FLIGHT = 256;
const KILLS = 50;
const LARGE_EVERY = 251;
const LARGE_BYTES = 20_000;

const token = await TrafficToken.make();
test.after.always(() => token.remove());

const secret = new KnownSecret();

/** The message of an operation: no two are the same, and some need a block of the arena. */
function messageOf(index: number): Buffer {
  const message = Buffer.alloc(index % LARGE_EVERY === 0 ? LARGE_BYTES : 8 + (index % 200), index);
  message.writeUInt32LE(index, 0);
  return message;
}

function isHmacOf(index: number, answer: Uint8Array): boolean {
  return createHmac('sha256', secret.value).update(messageOf(index)).digest().equals(answer);
}

interface Account {
  /** How often each operation was answered. */
  readonly answers: Uint8Array;
  wrong: number;
}

/** HMACs over these hosts, `IN_FLIGHT` at a time on each. `beside` is called after each answer. */
async function hmacTraffic(hosts: readonly HsmHost[], operations: number, beside?: (count: number) => void) {
  const account: Account = { answers: new Uint8Array(operations), wrong: 0 };
  let next = 0;
  let answered = 0;
  await Promise.all(
    hosts.map(async (host) => {
      const object = await secret.bring(host);
      const { promise, resolve } = Promise.withResolvers<void>();
      let inFlight = 0;
      const submitOne = (): void => {
        const index = next++;
        inFlight++;
        const request = ringRequest(RING_OPERATION.sign, {
          mechanism: MECHANISM.CKM_SHA256_HMAC,
          object,
          input: messageOf(index),
          capacity: 32,
        });
        host.submit(request, ({ outcome, returnValue, answer }) => {
          inFlight--;
          answered++;
          account.answers[index] = (account.answers[index] ?? 0) + 1;
          if (outcome !== OUTCOME.done || returnValue !== 0 || !isHmacOf(index, answer)) account.wrong++;
          beside?.(answered);
          if (next < operations) submitOne();
          else if (inFlight === 0) resolve();
        });
      };
      while (inFlight < IN_FLIGHT && next < operations) submitOne();
      await promise;
    }),
  );
  return account;
}

const notAnsweredOnce = ({ answers }: Account): number => answers.filter((times) => times !== 1).length;

test.serial('100,000 operations over two host processes: each is answered once, and right', async (t) => {
  const hosts = [await token.startProcess(1), await token.startProcess(1)];
  const account = await hmacTraffic(hosts, OPERATIONS);
  t.is(notAnsweredOnce(account), 0);
  t.is(account.wrong, 0);
  t.deepEqual(
    hosts.map(({ inFlight }) => inFlight),
    [0, 0],
  );
  await Promise.all(hosts.map((host) => host.stop(5_000, 'done')));
});

test.serial('lanes of a host process and lanes as threads beside each other do the same', async (t) => {
  const hosts = [await token.startProcess(2), await token.startThreads(2), await token.startThreads(1)];
  const account = await hmacTraffic(hosts, OPERATIONS / 4);
  t.is(notAnsweredOnce(account), 0);
  t.is(account.wrong, 0);
  await Promise.all(hosts.map((host) => host.stop(5_000, 'done')));
});

test.serial('what the garbage collector takes and moves meanwhile changes no answer', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' | 'major' }) => void;
  const hosts = [await token.startProcess(1), await token.startThreads(1)];
  let collections = 0;
  const account = await hmacTraffic(hosts, 10_000, (count) => {
    if (count % 10 !== 0) return;
    collect({ type: count % 200 === 0 ? 'major' : 'minor' });
    collections++;
  });
  t.is(collections, 1_000);
  t.is(notAnsweredOnce(account), 0);
  t.is(account.wrong, 0);
  await Promise.all(hosts.map((host) => host.stop(5_000, 'done')));
});

test.serial(
  'inputs and answers as long as a block of the arena turn round, more of them at once than there are blocks',
  async (t) => {
    const host = await token.startProcess(1);
    const object = await bringAesKey(host);
    const gcm = { mechanism: MECHANISM.CKM_AES_GCM, parameterKind: PARAMETER_KIND.gcm, object, capacity: 61_000 };
    const plaintexts = Array.from({ length: 100 }, () => randomBytes(60_000));
    const turned = await Promise.all(
      plaintexts.map(async (input) => {
        const iv = randomBytes(12);
        const parameter = gcmParameter(iv, undefined, 16);
        const sealed = await call(host, ringRequest(RING_OPERATION.encrypt, { ...gcm, parameter, input }));
        const opening = { ...gcm, parameter, input: sealed.answer };
        const opened = await call(host, ringRequest(RING_OPERATION.decrypt, opening));
        return sealed.answer.length === 60_016 && input.equals(opened.answer);
      }),
    );
    t.deepEqual(new Set(turned), new Set([true]));
    await host.stop(5_000, 'done');
  },
);

/** Signatures over one host until it is gone; what it did not answer comes first with the next. */
class SignatureRun {
  readonly key = new KnownEcKey();
  readonly left: Buffer[] = [];
  messages = 0;
  settled = 0;
  submitted = 0;
  unknown = 0;
  notStarted = 0;
  wrong = 0;
  right = 0;

  /** As long as the host lives, and `underLoad` is called in the midst of it; without it, what is left to do. */
  async over(host: ProcessHost, underLoad?: () => void): Promise<void> {
    const object = await this.key.bring(host);
    const { promise, resolve } = Promise.withResolvers<void>();
    let inFlight = 0;
    const submitOne = (): void => {
      const message = host.end === undefined ? (this.left.pop() ?? this.#fresh(underLoad !== undefined)) : undefined;
      if (message === undefined) {
        if (inFlight === 0) resolve();
        return;
      }
      this.submitted++;
      inFlight++;
      const input = createHash('sha256').update(message).digest();
      const request = ringRequest(RING_OPERATION.sign, { mechanism: MECHANISM.CKM_ECDSA, object, input, capacity: 64 });
      host.submit(request, (completion) => {
        inFlight--;
        this.#settle(message, completion);
        submitOne();
      });
    };
    for (let i = 0; i < 64; i++) submitOne();
    underLoad?.();
    await promise;
  }

  #fresh(wanted: boolean): Buffer | undefined {
    if (!wanted) return undefined;
    this.messages++;
    return randomBytes(32);
  }

  #settle(message: Buffer, { outcome, returnValue, answer }: Completion): void {
    this.settled++;
    if (outcome === OUTCOME.notStarted || outcome === OUTCOME.unknown) {
      this[outcome === OUTCOME.unknown ? 'unknown' : 'notStarted']++;
      this.left.push(message);
      return;
    }
    const key = { key: this.key.publicKey, dsaEncoding: 'ieee-p1363' } as const;
    if (outcome === OUTCOME.done && returnValue === 0 && verify('sha256', message, key, answer)) this.right++;
    else this.wrong++;
  }
}

test.serial('a host killed 50 times under load: each operation ends once, and no signature is wrong', async (t) => {
  const run = new SignatureRun();
  for (let kill = 0; kill < KILLS; kill++) {
    const host = await token.startProcess(2);
    const { pid } = host;
    if (pid === undefined) return t.fail('the host has no process');
    const ended = new Promise<string>((resolve) => host.onEnd(({ reason }) => resolve(reason)));
    const unknownBefore = run.unknown;
    await run.over(host, () => setTimeout(() => process.kill(pid, 'SIGKILL'), randomInt(1, 25)));
    t.is(await ended, 'it was ended by SIGKILL');
    t.true(run.unknown - unknownBefore <= host.lanes, 'no more than one operation per lane was at work');
    t.is(run.settled, run.submitted);
  }
  t.log(`${run.right} right, ${run.notStarted} not started, ${run.unknown} unknown`);
  t.true(run.notStarted + run.unknown > KILLS, 'the kills came under load');
  const last = await token.startProcess(1);
  await run.over(last);
  t.is(run.left.length, 0);
  t.is(run.settled, run.submitted);
  t.is(run.wrong, 0);
  t.is(run.right, run.messages);
});
