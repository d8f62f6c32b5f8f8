import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { testDirectory } from '../audit/test_log.ts';
import { DISK_FAULTS, type DiskCall, DiskFaults } from '../disk_faults/disk_faults.ts';

/** After about a thousand pages SQLite brings its log into the database. */
const MOST_CHANGES = 2_000;
const PROGRAM = fileURLToPath(new URL('storing_program.ts', import.meta.url));

test.before(() => access(DISK_FAULTS));

class StoringProgram {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(path: string, { environment }: DiskFaults) {
    const env = { ...environment, PATH: process.env.PATH };
    this.#child = spawn(process.execPath, [PROGRAM, path], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** What came of it, after a first line with the names of all that there are. */
  async said(): Promise<string> {
    return String((await this.#lines.next()).value);
  }

  store(id: string): Promise<string> {
    this.#child.stdin.write(`${id}\n`);
    return this.said();
  }

  async end(how: 'kill' | 'close'): Promise<void> {
    const ended = once(this.#child, 'exit');
    if (how === 'kill') this.#child.kill('SIGKILL');
    else this.#child.stdin.end();
    await ended;
  }
}

interface Stored {
  readonly faults: DiskFaults;
  readonly program: StoringProgram;
  /** By which calls a change comes to the disk. */
  readonly calls: readonly DiskCall[];
  again(): Promise<string>;
}

async function stored(t: ExecutionContext): Promise<Stored> {
  const directory = testDirectory(t);
  const faults = new DiskFaults(testDirectory(t));
  t.teardown(() => faults.close());
  faults.watch(directory);
  const path = join(directory, 'store.sqlite');
  const program = new StoringProgram(path, faults);
  t.is(await program.said(), 'kept ');
  t.is(await program.store('one'), 'done');
  faults.begin();
  t.is(await program.store('two'), 'done');
  const again = async (): Promise<string> => {
    const next = new StoringProgram(path, faults);
    const kept = await next.said();
    await next.end('close');
    return kept;
  };
  return { faults, program, calls: faults.calls(), again };
}

const numberOf = (calls: readonly DiskCall[], kind: DiskCall['kind']): number =>
  calls.find((each) => each.kind === kind)?.nth ?? 0;

test('on a full disk a change is refused as not done, and is not there after a crash', async (t) => {
  const { faults, program, calls, again } = await stored(t);
  faults.begin({ nth: numberOf(calls, 'fill'), error: 'ENOSPC', extent: 'lasting', short: false });
  t.is(await program.store('three'), 'ServiceUnavailable StoreFull');
  t.true(faults.faults > 0);
  await program.end('kill');
  faults.heal();
  t.is(await again(), 'kept one two');
});

test('after a full disk the store takes changes again without being opened anew', async (t) => {
  const { faults, program, calls, again } = await stored(t);
  faults.begin({ nth: numberOf(calls, 'fill'), error: 'EDQUOT', extent: 'lasting', short: true });
  t.is(await program.store('three'), 'ServiceUnavailable StoreNotWritten');
  faults.heal();
  t.is(await program.store('four'), 'done');
  await program.end('kill');
  t.is(await again(), 'kept four one two');
});

test('what the disk confirms the second time is done', async (t) => {
  const { faults, program, calls, again } = await stored(t);
  faults.begin({ nth: numberOf(calls, 'sync'), error: 'EIO', extent: 'once', short: false });
  t.is(await program.store('three'), 'done');
  t.is(faults.faults, 1);
  await program.end('kill');
  t.is(await again(), 'kept one three two');
});

test('of what the disk has not confirmed nobody says that it was not done, and a later crash does not bring it back', async (t) => {
  const { faults, program, calls, again } = await stored(t);
  faults.begin({ nth: numberOf(calls, 'sync'), error: 'EIO', extent: 'lasting', short: false });
  t.is(await program.store('three'), 'OutcomeUnknown StoreNotWritten');
  faults.begin();
  while (faults.calls().every(({ kind }) => kind !== 'sync')) await delay(20);
  await program.end('kill');
  t.is(await again(), 'kept one two');
});

test('nor does an end that comes before the disk is well', async (t) => {
  const { faults, program, calls, again } = await stored(t);
  faults.begin({ nth: numberOf(calls, 'sync'), error: 'EIO', extent: 'lasting', short: false });
  t.is(await program.store('three'), 'OutcomeUnknown StoreNotWritten');
  faults.heal();
  await program.end('close');
  t.is(await again(), 'kept one two');
});

test('a log that cannot be brought into the database is gone on with, and nothing of it is lost', async (t) => {
  const { faults, program, again } = await stored(t);
  const done = ['one', 'two'];
  faults.begin({ nth: 1, error: 'EIO', extent: 'lasting', short: false, ending: '.sqlite' });
  for (let i = 0; i < MOST_CHANGES && faults.faults === 0; i++) {
    t.is(await program.store(`many-${i}`), 'done');
    done.push(`many-${i}`);
  }
  t.true(faults.faults > 0, 'the log was never brought into the database');
  await program.end('kill');
  faults.heal();
  t.is(await again(), `kept ${done.toSorted().join(' ')}`);
});
